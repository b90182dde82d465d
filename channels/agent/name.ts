/** What commands and repository types may be called. */
export const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/
