/** Set by scripts/build.mjs from package.json; a run from source has none. */
declare const FLEET_VERSION: string | undefined;

export const VERSION: string = typeof FLEET_VERSION === 'undefined' ? '0.0.0-source' : FLEET_VERSION;
