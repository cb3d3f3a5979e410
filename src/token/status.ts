/**
 * Why a token is refused. The names are those of the local answers in `decide`, whose messages are Envoy's; here is what
 * each is used for.
 */
export type TokenStatus =
  /** Not three parts with two dots. */
  | 'jwt_bad_format'
  | 'jwt_header_bad_base64'
  | 'jwt_header_bad_json'
  /** No `alg`, or one that is no text. */
  | 'jwt_header_bad_alg'
  /** An `alg` that is unknown; `none` is. */
  | 'jwt_header_alg_not_supported'
  | 'jwt_header_bad_kid'
  | 'jwt_payload_bad_base64'
  | 'jwt_payload_bad_json'
  | 'jwt_payload_bad_iss'
  | 'jwt_payload_bad_sub'
  | 'jwt_payload_bad_iat'
  | 'jwt_payload_bad_nbf'
  | 'jwt_payload_bad_exp'
  | 'jwt_payload_bad_jti'
  | 'jwt_payload_bad_aud'
  | 'jwt_signature_bad_base64'
  | 'jwt_not_yet_valid'
  | 'jwt_expired'
  /** No rule that looks where the token was found names its issuer. */
  | 'jwt_unknown_issuer'
  | 'jwt_audience_not_allowed'
  | 'jwt_verification_fails'
  | 'jwt_multiple_tokens'
  /** No key of the issuer fits `kid` and `alg`. */
  | 'jwks_no_matching_key'
  /** The issuer's remote keys could not be had. */
  | 'jwks_fetch_failed';
