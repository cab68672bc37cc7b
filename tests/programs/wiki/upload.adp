<form method="post" action="/wiki/upload" enctype="multipart/form-data">
<csrf><input type="file" name="file">
<button>Upload</button>
</form>
