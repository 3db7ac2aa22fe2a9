import type { Config } from "../../core/config/schema.ts";
import { Level, type Logger } from "../../core/observe/log.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { tlvTexts } from "../../wire/proxy-protocol/tlv.ts";
import { trustedPeers } from "../../wire/proxy-protocol/trusted.ts";
import type { ServerOptions } from "../../wire/server-options.ts";

/** PROXY protocol on the main listeners under a configuration (data-plane §6.6); headers are logged at debug level. */
export function proxyOptions(runtime: Runtime, config: Config, log: Logger): Pick<ServerOptions, "proxy"> {
  if (!config.enable_proxy) return {};
  const text = (bytes: Uint8Array): string => runtime.latin1(bytes, 0, bytes.length);
  return {
    proxy: {
      trusts: trustedPeers(config.proxy_protocol.trusted),
      refused: (address, port, error) =>
        log.debug("proxy-protocol-header-refused", { from: `${address}:${port}`, error }),
      received: (address, port, { version, source, tlvs }) => {
        if (log.level > Level.debug) return;
        const named = source === undefined ? {} : { source: `${source.address}:${source.port}` };
        log.debug("proxy-protocol-header", { from: `${address}:${port}`, version, ...named, ...tlvTexts(tlvs, text) });
      },
    },
  };
}
