# Times short enough to wait for, and a rate that readers on this machine would reach.
ns_section ns/module/nssock { ns_param sendwait 1s; ns_param sendminrate 10MB }
