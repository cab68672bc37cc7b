/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Media types of file extensions.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/mime.h"

/* Sorted by extension: it is searched by halves. */
static const NsMimeEntry entries[] = {
    {".3g2", "video/3gpp2"},
    {".3gp", "video/3gpp"},
    {".7z", "application/x-7z-compressed"},
    {".aac", "audio/aac"},
    {".ac3", "audio/ac3"},
    {".adp", "text/html"},
    {".ai", "application/postscript"},
    {".aif", "audio/aiff"},
    {".aiff", "audio/aiff"},
    {".apk", "application/vnd.android.package-archive"},
    {".apng", "image/apng"},
    {".appcache", "text/cache-manifest"},
    {".asc", "text/plain"},
    {".atom", "application/atom+xml"},
    {".avi", "video/x-msvideo"},
    {".avif", "image/avif"},
    {".azw", "application/vnd.amazon.ebook"},
    {".bat", "text/plain"},
    {".bib", "text/x-bibtex"},
    {".bin", "application/octet-stream"},
    {".bmp", "image/bmp"},
    {".br", "application/x-brotli"},
    {".bz2", "application/x-bzip2"},
    {".c", "text/plain"},
    {".cc", "text/plain"},
    {".cer", "application/pkix-cert"},
    {".class", "application/java-vm"},
    {".conf", "text/plain"},
    {".cpp", "text/plain"},
    {".crl", "application/pkix-crl"},
    {".crt", "application/x-x509-ca-cert"},
    {".csh", "application/x-csh"},
    {".css", "text/css"},
    {".csv", "text/csv"},
    {".dcr", "application/x-director"},
    {".deb", "application/vnd.debian.binary-package"},
    {".der", "application/x-x509-ca-cert"},
    {".diff", "text/x-diff"},
    {".dir", "application/x-director"},
    {".djvu", "image/vnd.djvu"},
    {".dll", "application/octet-stream"},
    {".dmg", "application/x-apple-diskimage"},
    {".doc", "application/msword"},
    {".docm", "application/vnd.ms-word.document.macroEnabled.12"},
    {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {".dot", "application/msword"},
    {".dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
    {".dvi", "application/x-dvi"},
    {".ecma", "text/javascript"},
    {".eml", "message/rfc822"},
    {".eot", "application/vnd.ms-fontobject"},
    {".eps", "application/postscript"},
    {".epub", "application/epub+zip"},
    {".exe", "application/octet-stream"},
    {".flac", "audio/flac"},
    {".flv", "video/x-flv"},
    {".geojson", "application/geo+json"},
    {".gif", "image/gif"},
    {".glb", "model/gltf-binary"},
    {".gltf", "model/gltf+json"},
    {".gpx", "application/gpx+xml"},
    {".gz", "application/gzip"},
    {".h", "text/plain"},
    {".heic", "image/heic"},
    {".heif", "image/heif"},
    {".htm", "text/html"},
    {".html", "text/html"},
    {".ical", "text/calendar"},
    {".ico", "image/x-icon"},
    {".ics", "text/calendar"},
    {".ini", "text/plain"},
    {".iso", "application/octet-stream"},
    {".jar", "application/java-archive"},
    {".java", "text/plain"},
    {".jp2", "image/jp2"},
    {".jpe", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".jpg", "image/jpeg"},
    {".js", "text/javascript"},
    {".json", "application/json"},
    {".json5", "application/json5"},
    {".jsonld", "application/ld+json"},
    {".jxl", "image/jxl"},
    {".key", "application/vnd.apple.keynote"},
    {".kml", "application/vnd.google-earth.kml+xml"},
    {".kmz", "application/vnd.google-earth.kmz"},
    {".latex", "application/x-latex"},
    {".log", "text/plain"},
    {".lz", "application/x-lzip"},
    {".lzma", "application/x-lzma"},
    {".m3u", "audio/mpegurl"},
    {".m3u8", "application/vnd.apple.mpegurl"},
    {".m4a", "audio/mp4"},
    {".m4v", "video/x-m4v"},
    {".man", "application/x-troff-man"},
    {".map", "application/json"},
    {".markdown", "text/markdown"},
    {".mathml", "application/mathml+xml"},
    {".mbox", "application/mbox"},
    {".md", "text/markdown"},
    {".mid", "audio/midi"},
    {".midi", "audio/midi"},
    {".mjs", "text/javascript"},
    {".mka", "audio/x-matroska"},
    {".mkv", "video/x-matroska"},
    {".mml", "application/mathml+xml"},
    {".mobi", "application/x-mobipocket-ebook"},
    {".mov", "video/quicktime"},
    {".mp2", "audio/mpeg"},
    {".mp3", "audio/mpeg"},
    {".mp4", "video/mp4"},
    {".mpd", "application/dash+xml"},
    {".mpe", "video/mpeg"},
    {".mpeg", "video/mpeg"},
    {".mpg", "video/mpeg"},
    {".mpga", "audio/mpeg"},
    {".msi", "application/octet-stream"},
    {".mts", "model/vnd.mts"},
    {".nc", "application/x-netcdf"},
    {".numbers", "application/vnd.apple.numbers"},
    {".oda", "application/oda"},
    {".odb", "application/vnd.oasis.opendocument.database"},
    {".odc", "application/vnd.oasis.opendocument.chart"},
    {".odf", "application/vnd.oasis.opendocument.formula"},
    {".odg", "application/vnd.oasis.opendocument.graphics"},
    {".odp", "application/vnd.oasis.opendocument.presentation"},
    {".ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {".odt", "application/vnd.oasis.opendocument.text"},
    {".oga", "audio/ogg"},
    {".ogg", "audio/ogg"},
    {".ogv", "video/ogg"},
    {".opml", "text/x-opml"},
    {".opus", "audio/ogg"},
    {".otf", "font/otf"},
    {".ott", "application/vnd.oasis.opendocument.text-template"},
    {".p12", "application/x-pkcs12"},
    {".p7b", "application/x-pkcs7-certificates"},
    {".p7c", "application/pkcs7-mime"},
    {".p7m", "application/pkcs7-mime"},
    {".p7s", "application/pkcs7-signature"},
    {".pages", "application/vnd.apple.pages"},
    {".parquet", "application/vnd.apache.parquet"},
    {".patch", "text/x-diff"},
    {".pbm", "image/x-portable-bitmap"},
    {".pdf", "application/pdf"},
    {".pem", "application/x-x509-ca-cert"},
    {".pfx", "application/x-pkcs12"},
    {".pgm", "image/x-portable-graymap"},
    {".pgp", "application/pgp-encrypted"},
    {".pl", "text/plain"},
    {".png", "image/png"},
    {".pnm", "image/x-portable-anymap"},
    {".pot", "application/vnd.ms-powerpoint"},
    {".ppm", "image/x-portable-pixmap"},
    {".pps", "application/vnd.ms-powerpoint"},
    {".ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
    {".ppt", "application/vnd.ms-powerpoint"},
    {".pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"},
    {".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {".ps", "application/postscript"},
    {".psd", "image/vnd.adobe.photoshop"},
    {".py", "text/plain"},
    {".qt", "video/quicktime"},
    {".rar", "application/vnd.rar"},
    {".rb", "text/plain"},
    {".rdf", "application/rdf+xml"},
    {".rpm", "application/x-rpm"},
    {".rs", "text/plain"},
    {".rss", "application/rss+xml"},
    {".rtf", "application/rtf"},
    {".rtx", "text/richtext"},
    {".sgm", "text/sgml"},
    {".sgml", "text/sgml"},
    {".sh", "application/x-sh"},
    {".sig", "application/pgp-signature"},
    {".sql", "application/sql"},
    {".sqlite", "application/vnd.sqlite3"},
    {".srt", "application/x-subrip"},
    {".stl", "model/stl"},
    {".svg", "image/svg+xml"},
    {".svgz", "image/svg+xml"},
    {".swf", "application/x-shockwave-flash"},
    {".tar", "application/x-tar"},
    {".tcl", "text/plain"},
    {".tex", "application/x-tex"},
    {".texi", "application/x-texinfo"},
    {".text", "text/plain"},
    {".tgz", "application/gzip"},
    {".tif", "image/tiff"},
    {".tiff", "image/tiff"},
    {".toml", "application/toml"},
    {".torrent", "application/x-bittorrent"},
    {".ts", "video/mp2t"},
    {".tsv", "text/tab-separated-values"},
    {".ttc", "font/collection"},
    {".ttf", "font/ttf"},
    {".ttl", "text/turtle"},
    {".txt", "text/plain"},
    {".uri", "text/uri-list"},
    {".usdz", "model/vnd.usdz+zip"},
    {".vcard", "text/vcard"},
    {".vcf", "text/vcard"},
    {".vsd", "application/vnd.visio"},
    {".vtt", "text/vtt"},
    {".wasm", "application/wasm"},
    {".wav", "audio/x-wav"},
    {".weba", "audio/webm"},
    {".webm", "video/webm"},
    {".webmanifest", "application/manifest+json"},
    {".webp", "image/webp"},
    {".wma", "audio/x-ms-wma"},
    {".wmv", "video/x-ms-wmv"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".wsdl", "application/wsdl+xml"},
    {".xbm", "image/x-xbitmap"},
    {".xht", "application/xhtml+xml"},
    {".xhtml", "application/xhtml+xml"},
    {".xls", "application/vnd.ms-excel"},
    {".xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".xlt", "application/vnd.ms-excel"},
    {".xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"},
    {".xml", "text/xml"},
    {".xpi", "application/x-xpinstall"},
    {".xpm", "image/x-xpixmap"},
    {".xsd", "application/xml"},
    {".xsl", "application/xml"},
    {".xslt", "application/xslt+xml"},
    {".xspf", "application/xspf+xml"},
    {".xwd", "image/x-xwindowdump"},
    {".xz", "application/x-xz"},
    {".yaml", "application/yaml"},
    {".yml", "application/yaml"},
    {".z", "application/x-compress"},
    {".zip", "application/zip"},
    {".zst", "application/zstd"},
};

const NsMimeEntry *
NsMimeEntries(size_t *count)
{
    *count = sizeof(entries) / sizeof(entries[0]);
    return entries;
}

static int
CompareExtension(const void *key, const void *entry)
{
    return strcasecmp(key, ((const NsMimeEntry *)entry)->extension);
}

const char *
NsMimeForExtension(const char *extension)
{
    const NsMimeEntry *entry = bsearch(extension, entries, sizeof(entries) / sizeof(entries[0]), sizeof(entries[0]),
                                       CompareExtension);

    return entry != NULL ? entry->type : NULL;
}

const char *
NsMimeExtension(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    const char *dot = strrchr(name, '.');

    return dot != NULL && dot > name && dot[1] != '\0' ? dot : NULL;
}

bool
NsMimeIsText(const char *type)
{
    return strncasecmp(type, "text/", 5) == 0;
}

bool
NsMimeIsCompressible(const char *type)
{
    static const char *const types[] = {
        "application/javascript", "application/json", "application/json5", "application/manifest+json",
        "application/rtf", "application/sql", "application/toml", "application/vnd.ms-fontobject",
        "application/wasm", "application/x-javascript", "application/x-sh", "application/x-subrip",
        "application/x-tar", "application/x-tex", "application/xml", "application/yaml", "font/collection",
        "font/otf", "font/ttf", "image/bmp", "image/x-icon", "model/stl",
    };
    size_t len = strcspn(type, "; \t");        /* the type without its parameters */

    if (NsMimeIsText(type) || (len > 4 && strncasecmp(type + len - 4, "+xml", 4) == 0)
        || (len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i]) == len && strncasecmp(type, types[i], len) == 0) {
            return true;
        }
    }
    return false;
}
