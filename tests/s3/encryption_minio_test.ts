import { testEncryption } from "./_encryption.ts";

testEncryption({
  "SSE-S3": [{ serverSideEncryption: "AES256" }, { "x-amz-server-side-encryption": "AES256" }],
  "SSE-KMS by a named key": [
    { serverSideEncryption: "aws:kms", sseKmsKeyId: "cairn-tests" },
    {
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:cairn-tests",
    },
  ],
});
