# Little enough to be reached.
ns_section ns/parameters { ns_param maxinputmemory 20MB }
