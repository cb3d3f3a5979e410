import type { DiagnosticCode } from '../base/index.ts';

const schema = ['IST0106'];

/** SP02xx: fields of one object, judged without looking at any other. */
export const fieldCodes = {
  unknownField: { code: 'SP0201', severity: 'error', title: 'A field that its kind does not have.', also: schema },
  wrongType: { code: 'SP0202', severity: 'error', title: 'A value of the wrong type.', also: schema },
  badValue: { code: 'SP0203', severity: 'error', title: 'A value that its field does not allow.', also: schema },
  missingField: { code: 'SP0204', severity: 'error', title: 'A required field is missing.', also: schema },
  ignoredField: {
    code: 'SP0205',
    severity: 'warning',
    title: 'A field that is not yet supported; it has no effect, the rest of the object works.',
  },
  refusedField: {
    code: 'SP0206',
    severity: 'error',
    title:
      'A field that is not yet supported, and without which its element would mean something else: it is not served.',
  },
  kindNotRead: { code: 'SP0207', severity: 'info', title: 'A kind that has no part in the traffic path.' },
  kindNotSupported: {
    code: 'SP0208',
    severity: 'warning',
    title: 'A kind that has a part in the traffic path and is not yet supported.',
  },
  versionNotServed: {
    code: 'SP0209',
    severity: 'error',
    title: 'An apiVersion in which the kind does not exist.',
  },
  definedTwice: { code: 'SP0210', severity: 'warning', title: 'An object is written twice; the later one counts.' },
  contradiction: {
    code: 'SP0211',
    severity: 'error',
    title: 'Fields of an object exclude or require each other.',
    also: schema,
  },
  badRegex: { code: 'SP0212', severity: 'error', title: 'A regular expression is not valid RE2.', also: schema },
  doubtful: {
    code: 'SP0213',
    severity: 'warning',
    title: 'An object is valid, but a part of it has an effect that is seldom meant.',
    also: ['IST0133'],
  },
  newerField: {
    code: 'SP0214',
    severity: 'warning',
    title: 'A field of a Kubernetes kind that Sallyport does not know; it has no effect, the rest of the object works.',
  },
} as const satisfies Record<string, DiagnosticCode>;
