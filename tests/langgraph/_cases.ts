import type { SaverCase } from "./_case.ts";
import { writesCases } from "./_writes_cases.ts";

/** All that the saver must do on every store. */
export const cases: readonly SaverCase[] = [
  ...writesCases,
];
