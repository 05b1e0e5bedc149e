import { InvalidInputError, UnsupportedError } from "../../errors.ts";
import { textOf, type XmlElement } from "../../s3/xml.ts";
import { quote } from "../../store/key.ts";
import { element, withChild } from "../_documents.ts";
import type { Section } from "../_section.ts";

/** Whether S3 keeps what is overwritten or deleted. A bucket that ever was versioned is at most suspended. */
export type VersioningStatus = "enabled" | "suspended";

const STATUS: Readonly<Record<VersioningStatus, string>> = {
  enabled: "Enabled",
  suspended: "Suspended",
};

const TEXT: Readonly<Record<string, string>> = {
  Enabled: "objects that are overwritten or deleted are kept as versions",
  Suspended: "no new versions are kept; those that are there stay",
};

const ROOT = "VersioningConfiguration";

/** The section `versioning`: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html */
export const versioning: Section<VersioningStatus> = {
  name: "versioning",
  query: "versioning",
  root: ROOT,
  operations: { read: "GetBucketVersioning", write: "PutBucketVersioning" },

  merge(current, desired, { bucket }): XmlElement {
    if (!Object.hasOwn(STATUS, desired)) {
      throw new InvalidInputError(
        `Cannot use versioning: current value is ${quote(desired)}; give "enabled" or "suspended"`,
      );
    }
    const status = STATUS[desired];
    const document = current ?? element(ROOT, []);
    if (textOf(document, "Status") === status) return document;
    if (textOf(document, "MfaDelete") === "Enabled") {
      throw new UnsupportedError(
        `Cannot change the versioning of bucket "${bucket}": it asks for a second factor ` +
          "(MfaDelete); change it with that device, as the owner of the account",
      );
    }
    // Sent at all, MfaDelete asks for a device, also to leave it as it is.
    return withChild(withChild(document, "MfaDelete"), "Status", element("Status", status));
  },

  items(document) {
    const status = document && textOf(document, "Status");
    if (!status) return [];
    return [{ id: "versioning", value: status, text: TEXT[status] ?? `versioning is ${status}` }];
  },
};
