"""Where executions come from: functions, scripts, test suites.  Each runs something and tells its traces."""
