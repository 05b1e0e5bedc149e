import { UnsupportedError } from "../../errors.ts";
import { textOf } from "../../s3/xml.ts";
import { refuse } from "../../store/_options.ts";
import { element, withChild } from "../_documents.ts";
import type { Section } from "../_section.ts";

/** Whether a bucket can be reached by Transfer Acceleration, as a store's `useAccelerateEndpoint` does. */
export type AccelerationStatus = "enabled" | "suspended";

const STATUS: Readonly<Record<AccelerationStatus, string>> = {
  enabled: "Enabled",
  suspended: "Suspended",
};

const TEXT: Readonly<Record<string, string>> = {
  Enabled: "objects can be sent and fetched by Amazon's edge locations, at a price for each byte",
  Suspended: "Amazon's edge locations are closed to the bucket",
};

const ROOT = "AccelerateConfiguration";

/** The section `acceleration`: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAccelerateConfiguration.html */
export const acceleration: Section<AccelerationStatus> = {
  name: "acceleration",
  query: "accelerate",
  root: ROOT,
  operations: {
    read: "GetBucketAccelerateConfiguration",
    write: "PutBucketAccelerateConfiguration",
  },

  merge(current, desired, { bucket }) {
    if (!Object.hasOwn(STATUS, desired)) {
      refuse("acceleration", desired, '"enabled" or "suspended"');
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
    if (bucket.includes(".")) {
      throw new UnsupportedError(
        `Cannot accelerate bucket "${bucket}": its name has a dot; take a bucket without one`,
      );
    }
    const document = current ?? element(ROOT, []);
    // What never was enabled is closed, and S3 would note a suspension of nothing.
    if (desired === "suspended" && !textOf(document, "Status")) return current;
    return withChild(document, "Status", element("Status", STATUS[desired]));
  },

  items(document) {
    const status = document && textOf(document, "Status");
    if (!status) return [];
    return [{
      id: "acceleration",
      value: status,
      text: TEXT[status] ?? `acceleration is ${status}`,
    }];
  },

  notes(desired) {
    return desired === "enabled"
      ? ["acceleration: it may take 20 minutes until the bucket is faster for it"]
      : [];
  },
};
