# Files of this process have 600 kB at most, as on a disk that is full then; and a folder of their own.
file delete -force $env(HOSTILE_HOME)/uploads.tmp
file mkdir $env(HOSTILE_HOME)/uploads.tmp
ns_section ns/parameters { ns_param tmpdir $env(HOSTILE_HOME)/uploads.tmp; ns_param maxinputfiles 180MB }
ns_section ns/module/nssock { ns_param maxinput 2MB; ns_param driverthreads 2; ns_param reuseport true }
exec prlimit --pid [pid] --fsize=600000:600000
