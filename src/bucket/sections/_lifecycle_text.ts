import { childrenOf, textOf, type XmlElement } from "../../s3/xml.ts";
import { quote } from "../../store/key.ts";
import { canonical, childOf, element, idOf, prefixOf, withChild } from "../_documents.ts";
import type { SectionContext } from "../_section.ts";
import { ARCHIVES } from "./_lifecycle_rules.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** What a rule says, for comparison. A filter that leaves nothing out is written in several ways. */
export function valueOfRule(rule: XmlElement): string {
  const filter = childOf(rule, "Filter");
  const others = filter?.children.some(({ name }) => name !== "Prefix");
  const plain = withChild(withChild(rule, "Prefix"), "Filter", others ? filter : undefined);
  return others
    ? canonical(plain)
    : canonical(withChild(plain, "Filter", element("Prefix", prefixOf(rule))));
}

/** What a rule says, as a sentence: ours and those of others. */
export function textOfRule(rule: XmlElement): string {
  const expiration = childOf(rule, "Expiration");
  const old = childOf(rule, "NoncurrentVersionExpiration");
  const uploads = childOf(rule, "AbortIncompleteMultipartUpload");
  const says: string[] = [];
  const days = expiration && textOf(expiration, "Days");
  const date = expiration && textOf(expiration, "Date");
  if (days) says.push(`objects are removed ${daysOf(days)} after they were written`);
  if (date) says.push(`objects are removed from ${date} on`);
  if (expiration && textOf(expiration, "ExpiredObjectDeleteMarker") === "true") {
    says.push("delete markers that nothing is left behind are removed");
  }
  if (old) {
    const kept = textOf(old, "NewerNoncurrentVersions");
    says.push(
      `old versions are removed after ${daysOf(textOf(old, "NoncurrentDays"))}` +
        (kept ? `, the newest ${kept} of each object kept` : ""),
    );
  }
  if (uploads) {
    says.push(
      `uploads that were never completed are aborted after ` +
        daysOf(textOf(uploads, "DaysAfterInitiation")),
    );
  }
  for (const move of childrenOf(rule, "Transition")) {
    says.push(
      `objects move to ${textOf(move, "StorageClass")} ` +
        (textOf(move, "Days")
          ? `after ${daysOf(textOf(move, "Days"))}`
          : `on ${textOf(move, "Date")}`),
    );
  }
  for (const move of childrenOf(rule, "NoncurrentVersionTransition")) {
    says.push(
      `old versions move to ${textOf(move, "StorageClass")} after ` +
        daysOf(textOf(move, "NoncurrentDays")),
    );
  }
  const off = textOf(rule, "Status") === "Enabled" ? "" : " (switched off)";
  return `${says.join("; ") || "nothing"}, under ${quote(prefixOf(rule))}${sizeOf(rule)}${off}`;
}

function daysOf(count: string | undefined): string {
  return count === "1" ? "1 day" : `${count ?? "no"} days`;
}

function sizeOf(rule: XmlElement): string {
  const filter = childOf(rule, "Filter");
  const size = [filter, childOf(filter, "And")]
    .map((place) => place && textOf(place, "ObjectSizeGreaterThan")).find((text) => text);
  return size ? `, of more than ${size} bytes` : "";
}

/** What to know before the rules are applied; `others` are rules of others about our keys. */
export function notesOf(
  desired: Lifecycle,
  { desired: { versioning } }: SectionContext,
  others: readonly XmlElement[],
): string[] {
  const { expire = [], noncurrent = [], transitions = [] } = desired;
  const notes: string[] = [];
  for (const { ttl: { days, refreshDays } } of expire) {
    const options = refreshDays === undefined
      ? `{ days: ${days} }`
      : `{ days: ${days}, refreshDays: ${refreshDays} }`;
    notes.push(
      `lifecycle: give each checkpointer of these threads \`ttl: expireAfter(${options})\` first; ` +
        "without it a checkpoint may outlive the chunks it needs",
    );
  }
  if (expire.length > 0 && versioning === "enabled" && noncurrent.length === 0) {
    notes.push(
      "lifecycle: in a bucket with versions what expires stays as an old version, and is paid " +
        "for; `noncurrent` ends those",
    );
  }
  for (const { current = [], minBytes } of transitions) {
    const archive = current.find(({ to }) => ARCHIVES.includes(to));
    if (archive) {
      notes.push(
        `lifecycle: what is in ${archive.to} cannot be read without a restore: such threads give ` +
          "an UnsupportedError until then",
      );
    }
    if (minBytes === undefined) {
      notes.push(
        "lifecycle: objects below 128 KiB do not move, as S3 has it; most records and many " +
          "chunks are smaller; `minBytes` says otherwise",
      );
    }
  }
  for (const rule of others) {
    const expiration = childOf(rule, "Expiration");
    if (textOf(rule, "Status") !== "Enabled" || !expiration) continue;
    if (!textOf(expiration, "Days") && !textOf(expiration, "Date")) continue;
    notes.push(
      `lifecycle: the rule ${quote(idOf(rule) ?? "")} of others removes objects of this ` +
        `checkpointer, too (${textOfRule(rule)}): threads can lose chunks they need`,
    );
  }
  return [...new Set(notes)];
}
