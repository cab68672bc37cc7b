<% ns_adp_bind_args name %><p>There is no such page yet. <a href="/wiki/edit/<%= [ns_urlencode -part path $name] %>">Write it</a></p>
