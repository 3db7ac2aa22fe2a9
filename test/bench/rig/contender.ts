import type { CertificatePair } from "../../fixtures/certificates.ts";

/** Host name of the app that every contender leads to the backend. */
export const appHost = "app.example.com";

/** What a contender's configuration is written from. */
export interface Surroundings {
  /** Folder for configurations, access logs and certificates. */
  readonly folder: string;
  readonly backendPort: number;
  readonly certificate: CertificatePair;
  /** `ssl_protocols` of nginx, whose default ends at TLS 1.2; undefined: that. */
  readonly nginxProtocols?: string;
}

/** A proxy under measurement. */
export interface Contender {
  readonly name: string;
  /** Program that must be on the machine; undefined: none. */
  readonly needs?: string;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}
