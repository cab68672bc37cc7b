# Little enough to be reached.
ns_section ns/parameters { ns_param maxinputmemory 20MB }
# ... by bodies that stay in memory.
ns_section ns/module/nssock { ns_param maxupload 0; ns_param driverthreads 2; ns_param reuseport true }
