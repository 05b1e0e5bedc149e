import { parseXml, type XmlElement } from "../../src/s3/xml.ts";
import type { SectionContext } from "../../src/bucket/_section.ts";
import type { BucketConfiguration } from "@cairn/checkpoint/bucket";
import fc from "fast-check";

/** A context for sections: a bucket on AWS with the usual prefix. */
export function contextOf(
  desired: BucketConfiguration = {},
  more: Partial<SectionContext> = {},
): SectionContext {
  return {
    bucket: "state",
    region: "us-east-1",
    dialect: "aws",
    prefix: "cairn/",
    desired,
    ...more,
  };
}

/** Rules of others, as S3's schema has them in all its ways. */
export const FOREIGN_RULES: fc.Arbitrary<XmlElement[]> = fc.array(
  fc.constantFrom(
    "<Rule><ID>logs</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>" +
      "<Expiration><Days>7</Days></Expiration></Rule>",
    "<Rule><ID>old</ID><Prefix>x/</Prefix><Status>Disabled</Status>" +
      "<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration></Rule>",
    "<Rule><Filter/><Status>Enabled</Status>" +
      "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration>" +
      "</Rule>",
    "<Rule><ID>tagged</ID><Filter><And><Prefix>cairn/</Prefix><Tag><Key>a &amp; b</Key>" +
      "<Value>&lt;</Value></Tag></And></Filter><Status>Enabled</Status>" +
      "<Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>",
    "<Rule><ID>cairn:expire:other/</ID><Filter><Prefix>other/</Prefix></Filter>" +
      "<Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>",
    "<Rule><ID>cairnlike</ID><Filter><Prefix>cairn/</Prefix></Filter><Status>Enabled</Status>" +
      "<Expiration><Days>900</Days></Expiration><Unheard><Of>1</Of></Unheard></Rule>",
  ),
  { maxLength: 6 },
).map((rules) => rules.map(parseXml));
