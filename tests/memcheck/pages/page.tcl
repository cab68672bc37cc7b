ns_return 200 text/plain page
