ns_return 200 text/plain [list [ns_db pools] [catch {ns_db gethandle three} m] $m [catch {ns_db gethandle} m] $m [catch {ns_db bouncepool three} m] $m]
