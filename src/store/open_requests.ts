/** How many responses a Worker may wait for at once: https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections */
const IN_A_WORKER = 6;

/** As many as the AWS SDK keeps sockets: https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/node-configuring-maxsockets.html */
export const OUTSIDE_WORKERS = 50;

/**
 * How many requests are open at once where nobody says how many: what the
 * runtime takes. Every default of this kind comes from here. Workers tell by
 * their user agent: https://developers.cloudflare.com/workers/runtime-apis/web-standards/#navigatoruseragent
 */
export function openRequests(): number {
  return globalThis.navigator?.userAgent === "Cloudflare-Workers" ? IN_A_WORKER : OUTSIDE_WORKERS;
}
