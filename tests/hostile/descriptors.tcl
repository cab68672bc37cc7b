# Few enough to be used up.
exec prlimit --pid [pid] --nofile=300:300
