/** What a program takes that makes nothing. */
export function make() {
  return {};
}
