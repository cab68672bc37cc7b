# Times short enough to wait for.
ns_section ns/server/main/connchan { ns_param sendwait 1s }
