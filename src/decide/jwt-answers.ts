/**
 * What a client with a bad token is told: Envoy's words (jwt_verify_lib), so that who knows them from a cluster knows them
 * here. 401 and UNAUTHENTICATED, but 403 and PERMISSION_DENIED for a token that was made for somebody else
 * (jwt_authn/filter.cc). So it is too with several rules, where Envoy asks for any: of their errors the one that is neither
 * "no token" nor "issuer is not configured" is told (jwt_authn/verifier.cc).
 */

const unauthenticated = 16;
const permissionDenied = 7;

function refusal(message: string) {
  return {
    httpStatus: 401,
    grpcStatus: unauthenticated,
    message,
    flag: '-',
    details: `jwt_authn_access_denied{${message.replaceAll(' ', '_')}}`,
    source: 'downstream',
  } as const;
}

export const jwtRows = {
  jwt_bad_format: refusal('Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'),
  jwt_header_bad_base64: refusal('Jwt header is an invalid Base64url encoded'),
  jwt_header_bad_json: refusal('Jwt header is an invalid JSON'),
  jwt_header_bad_alg: refusal('Jwt header [alg] field is required and must be a string'),
  jwt_header_alg_not_supported: refusal('Jwt header [alg] is not supported'),
  jwt_header_bad_kid: refusal('Jwt header [kid] field is not a string'),
  jwt_payload_bad_base64: refusal('Jwt payload is an invalid Base64url encoded'),
  jwt_payload_bad_json: refusal('Jwt payload is an invalid JSON'),
  jwt_payload_bad_iss: refusal('Jwt payload [iss] field is not a string'),
  jwt_payload_bad_sub: refusal('Jwt payload [sub] field is not a string'),
  jwt_payload_bad_iat: refusal('Jwt payload [iat] field is not a positive integer'),
  jwt_payload_bad_nbf: refusal('Jwt payload [nbf] field is not a positive integer'),
  jwt_payload_bad_exp: refusal('Jwt payload [exp] field is not a positive integer'),
  jwt_payload_bad_jti: refusal('Jwt payload [jti] field is not a string'),
  jwt_payload_bad_aud: refusal('Jwt payload [aud] field is not a string or string list'),
  jwt_signature_bad_base64: refusal('Jwt signature is an invalid Base64url encoded'),
  jwt_not_yet_valid: refusal('Jwt not yet valid'),
  jwt_expired: refusal('Jwt is expired'),
  jwt_unknown_issuer: refusal('Jwt issuer is not configured'),
  jwt_audience_not_allowed: {
    ...refusal('Audiences in Jwt are not allowed'),
    httpStatus: 403,
    grpcStatus: permissionDenied,
  },
  jwt_verification_fails: refusal('Jwt verification fails'),
  jwt_multiple_tokens: refusal('Found multiple Jwt tokens'),
  jwks_no_matching_key: refusal("Jwks doesn't have key to match kid or alg from Jwt"),
  jwks_fetch_failed: refusal('Jwks remote fetch is failed'),
} as const;
