import { CairnError, UnsupportedError } from "../errors.ts";
import { streamOf } from "../store/body.ts";
import { assert, equalBytes, rejects } from "./_assert.ts";
import { type ConformanceCase, conformanceCase, exists, randomBytes, read, utf8 } from "./_case.ts";

const ATTRIBUTES = {
  contentType: "text/plain; charset=utf-8",
  cacheControl: "max-age=31536000, immutable",
};

/** What a store must do with attributes and versions, or say that it cannot. */
export const attributeCases: readonly ConformanceCase[] = [
  conformanceCase("takes attributes with bytes and streams, or refuses them", async (store, {
    prefix,
  }) => {
    const long = randomBytes(9 * 1024 * 1024, 11);
    const bodies = { bytes: utf8("text"), stream: streamOf(utf8("te"), utf8("xt")), long };
    for (const [name, body] of Object.entries(bodies)) {
      const key = `${prefix}${name}`;
      const put = () => store.put(key, body, { attributes: ATTRIBUTES });
      if (!store.capabilities.attributes) {
        await rejects(put, UnsupportedError, "put with attributes");
        assert(!await exists(store, key), "what was refused was written");
      } else {
        await put();
        equalBytes(await read(store, key), name === "long" ? long : utf8("text"), "the object");
      }
    }
  }),

  conformanceCase("gives no other object for a version that is none, or refuses it", async (store, {
    prefix,
  }) => {
    const key = `${prefix}versioned`;
    await store.put(key, utf8("current"));
    const versionId = "3HL4kqtJlcpXroDTDmJrmSpXd3dIbrHY";
    const expected = store.capabilities.versions ? CairnError : UnsupportedError;
    await rejects(() => store.get(key, { versionId }), expected, "get of a version");
    await rejects(() => store.head(key, { versionId }), expected, "head of a version");
  }),
];
