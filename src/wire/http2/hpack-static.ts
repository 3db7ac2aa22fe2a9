import { HeaderField } from "./hpack-field.ts";

/** Names and values of HPACK's static table (RFC 7541 appendix A), from index 1 on; without `=`, the value is empty. */
const staticFields =
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|" +
  ":status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|" +
  "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|" +
  "content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|" +
  "cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|" +
  "last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|" +
  "server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate";

function parse(text: string): HeaderField {
  const equals = text.indexOf("=");
  return equals < 0 ? new HeaderField(text, "") : new HeaderField(text.slice(0, equals), text.slice(equals + 1));
}

/** The static table; index 0 of the array is index 1 of the table. */
export const staticTable: readonly HeaderField[] = staticFields.split("|").map(parse);
