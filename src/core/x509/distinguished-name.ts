/** A distinguished name by the attributes that certificates use (RFC 4519), spelled as in gorouter.yml's subjects. */
export interface DistinguishedName {
  readonly common_name: string;
  readonly serial_number: string;
  readonly country: readonly string[];
  readonly organization: readonly string[];
  readonly organizational_unit: readonly string[];
  readonly locality: readonly string[];
  readonly province: readonly string[];
  readonly street_address: readonly string[];
  readonly postal_code: readonly string[];
}

/** Attributes in the order in which Gorouter shows them: last of the sequence first. */
const shown: readonly (readonly [label: string, attribute: keyof DistinguishedName])[] = [
  ["SERIALNUMBER", "serial_number"],
  ["CN", "common_name"],
  ["POSTALCODE", "postal_code"],
  ["STREET", "street_address"],
  ["ST", "province"],
  ["L", "locality"],
  ["OU", "organizational_unit"],
  ["O", "organization"],
  ["C", "country"],
];

/** A value escaped as RFC 2253 §2.4 asks. */
function escaped(value: string): string {
  const inner = value.replace(/[,+"\\<>;]/g, "\\$&").replace(/ $/, "\\ ");
  return inner.startsWith(" ") || inner.startsWith("#") ? `\\${inner}` : inner;
}

/**
 * The name as a text, which is also how Gorouter compares names (control-plane §1.2, certificate metadata rules):
 * `CN=myca,O=acme,C=US`, several values of an attribute joined with `+`.
 */
export function nameText(name: DistinguishedName): string {
  return shown
    .flatMap(([label, attribute]) => {
      const given = name[attribute];
      const values = typeof given === "string" ? (given === "" ? [] : [given]) : given;
      return values.length === 0 ? [] : [values.map((value) => `${label}=${escaped(value)}`).join("+")];
    })
    .join(",");
}
