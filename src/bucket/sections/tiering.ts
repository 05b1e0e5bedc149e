import { InvalidInputError } from "../../errors.ts";
import type { BucketApi } from "../../s3/api.ts";
import { md5 } from "../../s3/md5.ts";
import { childrenOf, parseXml, renderXml, textOf, type XmlElement } from "../../s3/xml.ts";
import { checkWhole, refuse } from "../../store/_options.ts";
import { quote } from "../../store/key.ts";
import { toHex } from "../../store/hex.ts";
import type { CallOptions } from "../../store/store.ts";
import { utf8 } from "../../store/utf8.ts";
import { canonical, element, idOf, isAbout, mergeRules, prefixOf } from "../_documents.ts";
import type { Section, SectionContext, SectionState } from "../_section.ts";
import { checkedDocument } from "../_states.ts";
import { checkScope, scopeOf } from "./_lifecycle_rules.ts";
import type { ThreadScope } from "./lifecycle.ts";

/**
 * When Intelligent-Tiering archives what nobody reads. At least one of the two,
 * and `archive: true`: threads with such objects can be read and gone on with
 * only after a restore.
 */
export interface TieringRule extends ThreadScope {
  /** After how many days without access to the Archive Access tier: from 90 to 730. @default never */
  readonly archiveDays?: number | undefined;
  /** After how many days without access to the Deep Archive Access tier: from 180 to 730. @default never */
  readonly deepArchiveDays?: number | undefined;
  /** That this is known. */
  readonly archive: true;
}

/** As S3's reference shows it; its other lists are named as the second, which is taken, too. */
const ROOT = "ListBucketIntelligentTieringConfigurationsOutput";
const ROOTS = [ROOT, "ListBucketIntelligentTieringConfigurationsResult"];
const ONE = "IntelligentTieringConfiguration";
const QUERY = "intelligent-tiering";

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_Tiering.html */
const LEAST = { ARCHIVE_ACCESS: 90, DEEP_ARCHIVE_ACCESS: 180 } as const;
const MOST_DAYS = 730;

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketIntelligentTieringConfiguration.html */
const MAX_CONFIGURATIONS = 1_000;

/**
 * S3 tells no alphabet for these ids; those of its metrics have 64 letters, digits, `.`, `-` and
 * `_`. Within that all is well, so that the scope is in them as its hash.
 */
const OWN = "cairn.tiering.";

function isOurs(rule: XmlElement, { prefix }: SectionContext): boolean {
  return idOf(rule)?.startsWith(OWN) === true && isAbout(rule, prefix);
}

/** The most pages of a listing: of 100 configurations each there are ten. */
const MAX_PAGES = 100;

/**
 * The section `tiering`. Each configuration of S3 is a document of its own,
 * under its id: here they are one, as S3 lists them.
 */
export const tiering: Section<readonly TieringRule[]> = {
  name: "tiering",
  query: QUERY,
  root: ROOT,
  operations: {
    read: "ListBucketIntelligentTieringConfigurations",
    write: "PutBucketIntelligentTieringConfiguration",
    remove: "DeleteBucketIntelligentTieringConfiguration",
  },

  merge(current, desired, context) {
    const scopes = desired.map((rule) => {
      checkScope(rule, context);
      return scopeOf(rule, context);
    });
    scopes.forEach((scope, at) => {
      const other = scopes.find((other, index) =>
        index !== at && (other.startsWith(scope) || scope.startsWith(other))
      );
      if (other === undefined) return;
      throw new InvalidInputError(
        `Cannot use tiering: two rules are about the same threads, those under ${quote(scope)} ` +
          `and ${quote(other)}; give one of them, or threads that do not overlap`,
      );
    });
    const rules = desired.map((rule, at) => ruleOf(rule, scopes[at]!));
    const merged = mergeRules(current, ROOT, rules, context, isOurs);
    const count = merged?.children.length ?? 0;
    if (count > MAX_CONFIGURATIONS) {
      throw new InvalidInputError(
        `Cannot use tiering: with those of others there would be ${count} configurations; the ` +
          `limit is ${MAX_CONFIGURATIONS}; give fewer`,
      );
    }
    return merged;
  },

  items(document) {
    return childrenOf(document ?? element(ROOT), ONE).map((rule) => ({
      id: idOf(rule) ?? "",
      value: canonical(rule),
      text:
        childrenOf(rule, "Tiering").map((tier) =>
          `objects in INTELLIGENT_TIERING move to ${textOf(tier, "AccessTier")} after ` +
          `${textOf(tier, "Days")} days without access`
        ).join("; ") + `, under ${quote(prefixOf(rule))}`,
    }));
  },

  notes(desired) {
    if (desired.length === 0) return [];
    return [
      "tiering: what is in an archive tier cannot be read without a restore: such threads give an " +
      "UnsupportedError until then",
      "tiering: it is about objects in INTELLIGENT_TIERING; a lifecycle transition, or the " +
      "store's `storageClass`, brings them there",
    ];
  },

  async read(api, options): Promise<SectionState> {
    const children = await listAll(api, options);
    const xml = children.length === 0 ? null : renderXml(element(ROOT, children));
    return { xml, headers: {} };
  },

  async write(api, before, after, options) {
    const [was, will] = [before, after].map(({ xml }) =>
      new Map((xml === null ? [] : parseXml(xml).children).map((rule) => [idOf(rule) ?? "", rule]))
    ) as [Map<string, XmlElement>, Map<string, XmlElement>];
    for (const [id, rule] of will) {
      const old = was.get(id);
      if (old && canonical(old) === canonical(rule)) continue;
      const { write: operation } = tiering.operations;
      const query = { [QUERY]: "", id };
      await api.request({ method: "PUT", query, body: renderXml(rule), operation }, options);
    }
    for (const id of was.keys()) {
      if (will.has(id)) continue;
      const operation = "DeleteBucketIntelligentTieringConfiguration";
      await api.request({ method: "DELETE", query: { [QUERY]: "", id }, operation }, options);
    }
  },
};

async function listAll(api: BucketApi, options: CallOptions): Promise<XmlElement[]> {
  const { operations: { read: operation } } = tiering;
  const found: XmlElement[] = [];
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = { [QUERY]: "", "continuation-token": token };
    const root = checkedDocument(
      (await api.request({ method: "GET", query, operation }, options)).text,
      ROOTS,
      operation,
    );
    found.push(...childrenOf(root, ONE));
    token = textOf(root, "NextContinuationToken");
    if (textOf(root, "IsTruncated") !== "true" || !token) break;
  }
  return found;
}

function ruleOf(rule: TieringRule, scope: string): XmlElement {
  const { archiveDays, deepArchiveDays, archive } = rule;
  if (archiveDays === undefined && deepArchiveDays === undefined) {
    refuse("tiering", "a rule without days", "`archiveDays` or `deepArchiveDays`");
  }
  if (archive !== true) {
    refuse(
      "tiering.archive",
      archive,
      "true: threads in an archive tier can be read and gone on with only after a restore",
    );
  }
  const tiers = { ARCHIVE_ACCESS: archiveDays, DEEP_ARCHIVE_ACCESS: deepArchiveDays };
  const given = (Object.keys(tiers) as (keyof typeof tiers)[]).filter((tier) =>
    tiers[tier] !== undefined
  );
  for (const tier of given) {
    checkWhole({ [`the days until ${tier}`]: tiers[tier] }, LEAST[tier], MOST_DAYS);
  }
  if (
    archiveDays !== undefined && deepArchiveDays !== undefined && deepArchiveDays <= archiveDays
  ) {
    refuse("tiering.deepArchiveDays", deepArchiveDays, `more than archiveDays, ${archiveDays}`);
  }
  return element(ONE, [
    element("Id", OWN + toHex(md5(utf8(scope)))),
    element("Filter", [element("Prefix", scope)]),
    element("Status", "Enabled"),
    ...given.map((tier) =>
      element("Tiering", [element("Days", tiers[tier]!), element("AccessTier", tier)])
    ),
  ]);
}
