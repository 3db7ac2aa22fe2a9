import type { ResponseLike } from "../../../../src/core/message.ts";
import { SignatureCipher } from "../../../../src/core/route-service/signature-cipher.ts";
import { type Ask, RouterRig, receivedAt, type Settings } from "../../../fixtures/fake-transport.ts";

/** `route_services_secret` of `bound`, the service it names, and the Host line of its route. */
export const secret = "tWPE+sWJq+ZnGJpyKkIPYg==";
export const service = "https://rs.example.com/auth?x=1";
export const host = ["Host", "test.com"] as const;
/** Header lines. */
export type Lines = readonly (readonly [string, string])[];

/** What signs with that secret. */
export const cipher = new SignatureCipher(secret);
const nonce = new Uint8Array(12);

/** The headers with which a service comes back. */
export async function signed(url = "http://test.com/", ageMs = 0, by = cipher): Promise<Lines> {
  const { signature, metadata } = await by.sign(url, new Date(receivedAt - ageMs).toISOString(), nonce);
  return [
    ["X-CF-Forwarded-Url", url],
    ["X-CF-Proxy-Signature", signature],
    ["X-CF-Proxy-Metadata", metadata],
  ];
}

/** A router with a route `test.com` that has a route service. */
export function bound(settings: Settings = {}, url = service): RouterRig {
  const rig = new RouterRig({ route_services_secret: secret, ...settings });
  rig.register("test.com", { applicationId: "app", privateInstanceId: "id", routeServiceUrl: url });
  return rig;
}

/** The answer to a GET with these lines behind Host. */
export async function asked(rig: RouterRig, lines: Lines = [], ask: Ask = {}): Promise<ResponseLike> {
  return (await rig.exchange({ ...ask, lines: [host, ...lines] })) as ResponseLike;
}

/** Status and error name of an answer. */
export const bodyOf = (answer: ResponseLike): string => `${answer.status} ${answer.headers.get("X-Cf-Routererror")}`;
