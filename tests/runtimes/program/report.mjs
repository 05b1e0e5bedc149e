/** Runs cases and says how each ended, one line of JSON for each. */

const CASE_TIMEOUT = 120_000;

/**
 * @typedef {{ name: string, run: () => Promise<void> }} Case
 * @typedef {{ suite: string, store: string, name: string, error?: string }} Result
 */

/**
 * Runs cases in turn.
 *
 * @param {(result: Result) => void} report
 * @param {{ suite: string, store: string }} where
 * @param {Case[]} cases
 */
export async function runCases(report, where, cases) {
  for (const { name, run } of cases) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No end within ${CASE_TIMEOUT} ms`)), CASE_TIMEOUT);
    });
    try {
      await Promise.race([run(), late]);
      report({ ...where, name });
    } catch (error) {
      report({ ...where, name, error: describe(error) });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An error with its stack and its causes. @param {unknown} error @returns {string} */
function describe(error) {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack?.includes(error.message) ? error.stack : `${error}\n${error.stack}`;
  return error.cause === undefined ? text : `${text}\ncaused by ${describe(error.cause)}`;
}

/** Reads the servers' names from the environment. @param {Record<string, string | undefined>} env */
export function s3Options(env) {
  const need = (name) => {
    if (!env[name]) throw new Error(`${name} is not set: start a server with tests/servers`);
    return env[name];
  };
  return {
    endpoint: need("CAIRN_S3_ENDPOINT"),
    bucket: need("CAIRN_S3_BUCKET"),
    region: need("CAIRN_S3_REGION"),
    forcePathStyle: true,
    dialect: need("CAIRN_S3_SERVER"),
    credentials: {
      accessKeyId: need("CAIRN_S3_ACCESS_KEY_ID"),
      secretAccessKey: need("CAIRN_S3_SECRET_ACCESS_KEY"),
    },
  };
}
