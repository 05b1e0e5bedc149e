import type { SaverCase } from "./_case.ts";
import { idsCases } from "./_ids_cases.ts";
import { putsCases } from "./_puts_cases.ts";
import { retentionCases } from "./_retention_cases.ts";
import { threadsCases } from "./_threads_cases.ts";
import { writesCases } from "./_writes_cases.ts";

/** All that the saver must do on every store. */
export const cases: readonly SaverCase[] = [
  ...putsCases,
  ...writesCases,
  ...idsCases,
  ...threadsCases,
  ...retentionCases,
];
