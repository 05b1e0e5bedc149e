import { AwsV4Signer } from "aws4fetch";
import { nodeCrypto } from "../store/_builtin.ts";
import { toHex } from "../store/hex.ts";

/**
 * Signs as aws4fetch does. Where the runtime has `node:crypto` that is done at
 * once: of WebCrypto it takes three calls, each a wait for another thread.
 */
export class Signer extends AwsV4Signer {
  override async signature(): Promise<string> {
    const crypto = nodeCrypto();
    if (!crypto) return await super.signature();
    const hash = crypto.createHash("sha256").update(await this.canonicalString()).digest();
    const scope = this.credentialString;
    const text = ["AWS4-HMAC-SHA256", this.datetime, scope, toHex(hash)].join("\n");
    let key: string | Uint8Array = "AWS4" + this.secretAccessKey;
    for (const part of [...scope.split("/"), text]) {
      key = crypto.createHmac("sha256", key).update(part).digest();
    }
    return toHex(key as Uint8Array);
  }
}
