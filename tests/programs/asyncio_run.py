import asyncio


async def double(n):
    await asyncio.sleep(0)
    return 2 * n


async def main():
    both = await asyncio.gather(double(1), double(2))
    return both


result = asyncio.run(main())
