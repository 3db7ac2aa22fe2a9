export { addressText } from "../core/address-text.ts";
