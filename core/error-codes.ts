// The one catalogue of errors. A code is never reused for another meaning; docs/errors.md is kept equal by a test.

export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'unsupported'
  | 'unavailable'
  | 'internal';

/** What the queue does with a job that fails so: try again (with backoff, bounded by the kind's attempts), or stop. */
export type Disposition = 'retry' | 'fatal';

interface KindRule {
  readonly status: number;
  readonly disposition: Disposition;
  readonly title: string;
}

export const ERROR_KINDS: Readonly<Record<ErrorKind, KindRule>> = {
  invalid: { status: 400, disposition: 'fatal', title: 'The request is not valid' },
  unauthenticated: { status: 401, disposition: 'fatal', title: 'No valid credentials were given' },
  forbidden: { status: 403, disposition: 'fatal', title: 'The caller may not do this' },
  'not-found': { status: 404, disposition: 'fatal', title: 'No such thing' },
  conflict: { status: 409, disposition: 'fatal', title: 'The state of the resource does not allow this' },
  unsupported: { status: 501, disposition: 'fatal', title: 'Stowage does not do this' },
  unavailable: { status: 503, disposition: 'retry', title: 'Something Stowage depends on does not answer' },
  internal: { status: 500, disposition: 'retry', title: 'Stowage failed' },
};

export interface CodeRule {
  readonly kind: ErrorKind;
  /** What a person can do about it. */
  readonly advice: string;
  /** Overrides the kind's status where HTTP has a more exact one. */
  readonly status?: number;
  /** Overrides the kind's disposition. */
  readonly disposition?: Disposition;
}

export const ERROR_CODES = {
  'request-invalid': { kind: 'invalid', advice: 'Correct the fields that `errors[].pointer` names.' },
  'body-malformed': { kind: 'invalid', advice: 'Send one JSON document in UTF-8.' },
  'body-too-large': { kind: 'invalid', status: 413, advice: 'A request body has at most 1 MiB.' },
  'media-type-unsupported': { kind: 'invalid', status: 415, advice: 'Send `Content-Type: application/json`.' },
  'method-not-allowed': { kind: 'invalid', status: 405, advice: 'Use one of the methods in the `Allow` header.' },
  'kind-unknown': { kind: 'invalid', advice: 'Use one of the kinds in the OpenAPI document.' },
  'idempotency-key-reused': {
    kind: 'invalid',
    status: 422,
    advice: 'A key stands for one payload for 24 hours: send a new key with a new payload.',
  },
  'cursor-invalid': { kind: 'invalid', advice: 'Start the listing again without a cursor.' },
  'credentials-missing': { kind: 'unauthenticated', advice: 'Send `Authorization: Bearer <key>`, or sign in.' },
  'credentials-wrong': {
    kind: 'unauthenticated',
    advice: 'The key is unknown or was revoked; ask an admin for another.',
  },
  'session-over': { kind: 'unauthenticated', advice: 'Sign in again.' },
  'csrf-missing': {
    kind: 'forbidden',
    advice:
      'A request that changes something and comes with a session sends `x-stowage-csrf`, as `GET /v1/session` says it.',
  },
  'csrf-wrong': { kind: 'forbidden', advice: 'Read `GET /v1/session` again: the session is another one by now.' },
  'origin-foreign': {
    kind: 'forbidden',
    advice:
      'A page of another origin sent this. Where it was ours, set STOWAGE_PUBLIC_URL to the address that people use.',
  },
  'too-many-attempts': {
    kind: 'forbidden',
    status: 429,
    advice: 'Too many sign-ins from this address failed: wait as long as `Retry-After` says.',
  },
  'sign-in-expired': { kind: 'invalid', advice: 'Begin the sign-in again, in the same browser, within ten minutes.' },
  'oidc-refused': {
    kind: 'forbidden',
    advice:
      'The provider did not sign the person in, or what it said does not hold: see the log, and the settings of the client there.',
  },
  'oidc-role-missing': {
    kind: 'forbidden',
    advice: 'No value of the role claim is in STOWAGE_OIDC_ADMINS, _OPERATORS or _VIEWERS: ask an admin.',
  },
  'oidc-unreachable': { kind: 'unavailable', advice: 'Check that the api reaches STOWAGE_OIDC_ISSUER.' },
  'role-insufficient': {
    kind: 'forbidden',
    advice: 'The message names the role that this needs; use a key that has it.',
  },
  'route-unknown': { kind: 'not-found', advice: 'See the OpenAPI document for the routes.' },
  'job-not-found': { kind: 'not-found', advice: 'The id is wrong, or the job is older than the history that is kept.' },
  'volume-not-found': {
    kind: 'not-found',
    advice: 'List the volumes; right after Redis was emptied, run `reconcile.run`.',
  },
  'store-not-found': { kind: 'not-found', disposition: 'fatal', advice: 'Use one of the configured volume stores.' },
  'machine-not-found': {
    kind: 'not-found',
    advice: 'Name a virtual machine by its inventory name or its moref (`vm-42`).',
  },
  'key-not-found': { kind: 'not-found', advice: 'List the keys.' },
  'webhook-not-found': { kind: 'not-found', advice: 'List the webhooks.' },
  'webhook-disabled': { kind: 'conflict', advice: 'Enable it first: `PATCH` with `{"state":"enabled"}`.' },
  'webhook-replaying': { kind: 'conflict', advice: 'A replay of this webhook is under way: wait until it is over.' },
  'webhook-limit': { kind: 'conflict', advice: 'There are as many webhooks as there may be: remove one.' },
  'delivery-not-found': {
    kind: 'not-found',
    advice: 'The id is wrong, or the delivery is older than the log that is kept; replay the time that it is of.',
  },
  'precondition-failed': {
    kind: 'conflict',
    status: 412,
    advice: 'It was changed meanwhile: read it again, and send the change with its new `ETag`.',
  },
  'key-exists': { kind: 'conflict', advice: 'Choose another name for the key, or revoke the one that has it.' },
  'host-not-found': { kind: 'not-found', advice: 'List the hosts.' },
  'volume-exists': {
    kind: 'conflict',
    advice: 'Same name, other specification: choose another name, or the same options.',
  },
  'volume-in-use': { kind: 'conflict', advice: 'Detach it from the holder that the message names.' },
  'volume-busy': {
    kind: 'conflict',
    advice: 'The message names the state; wait for it to end, or redrive the job that left it.',
  },
  'volume-foreign': {
    kind: 'conflict',
    advice: 'Files that Stowage did not make lie where the volume would go: look at them, move them away, redrive.',
  },
  'volume-damaged': { kind: 'conflict', advice: 'Document and disk do not agree: look at both before anything else.' },
  'machine-full': {
    kind: 'conflict',
    advice: 'All SCSI slots of the machine are taken: detach a disk or use another machine.',
  },
  'job-not-cancellable': { kind: 'conflict', advice: 'The job is already over.' },
  'not-yet': { kind: 'unavailable', advice: 'Nothing is wrong: the job goes on by itself when its time has come.' },
  'job-not-dead': { kind: 'conflict', advice: 'Only dead letters can be redriven or discarded.' },
  'record-stale': {
    kind: 'conflict',
    disposition: 'retry',
    advice: 'The record changed meanwhile; Stowage reads it again and tries again by itself.',
  },
  'claim-lost': { kind: 'conflict', advice: 'Another worker has taken the job over; nothing to do.' },
  'job-cancelled': { kind: 'conflict', advice: 'Somebody cancelled the job; submit it again if it is still wanted.' },
  'shrink-refused': { kind: 'invalid', advice: 'A volume only grows: ask for more than it has.' },
  'operation-unsupported': { kind: 'unsupported', advice: 'The message names the alternative.' },
  'container-not-found': {
    kind: 'not-found',
    advice: 'List the containers; right after Redis was emptied, run `reconcile.run`.',
  },
  'container-exists': {
    kind: 'conflict',
    advice: 'Remove or rename the container that has the name, or use another name.',
  },
  'container-busy': {
    kind: 'conflict',
    advice: 'The message names the state: stop, start or unpause it first, or wait for the job that is at it.',
  },
  'container-start-failed': {
    kind: 'invalid',
    advice:
      'The message says what the guest could not do: correct the command, the user or the directory, and create the container anew.',
  },
  'guest-silent': {
    kind: 'invalid',
    advice:
      'Look at the console of its machine, and whether its host reaches STOWAGE_GATEWAY_URI (on ESXi: firewall rule set remoteSerialPort). Where machines boot slowly, make STOWAGE_GUEST_WAIT longer. Then start the container again.',
  },
  'guest-unreachable': {
    kind: 'unavailable',
    advice: 'Wait until the container runs; if it does, see whether its gateway is up and its host reaches it.',
  },
  'guest-path-not-found': { kind: 'not-found', advice: 'Look for the path in the container.' },
  'guest-refused': { kind: 'invalid', advice: 'The message says what the guest did not accept.' },
  'guest-conflict': { kind: 'conflict', advice: 'The message says what in the container stands against it.' },
  'guest-failed': { kind: 'internal', advice: 'Look at the console of the machine, and at the log of the gateway.' },
  'exec-not-found': { kind: 'not-found', advice: 'It is over for an hour or more, or the id is wrong: run it again.' },
  'container-lost': {
    kind: 'conflict',
    advice: 'Its machine is not in vCenter any more: register it again in the vSphere client, or remove the container.',
  },
  'reference-invalid': { kind: 'invalid', advice: 'An image is named `[registry/]repository[:tag][@digest]`.' },
  'image-not-found': { kind: 'not-found', advice: 'List the images; pull it first.' },
  'image-in-use': {
    kind: 'conflict',
    advice: 'Remove the container that the message names, or the names that are left, first.',
  },
  'image-busy': {
    kind: 'conflict',
    advice: 'The message names the state; wait for it to end, or redrive the job that left it.',
  },
  'image-damaged': {
    kind: 'conflict',
    advice: 'Documents and disks do not agree: remove the image and pull it again.',
  },
  'image-unknown': {
    kind: 'not-found',
    advice: 'The registry has no image of that name and tag: check both.',
  },
  'image-invalid': {
    kind: 'conflict',
    advice: 'The registry gave a manifest or configuration that does not hold together.',
  },
  'image-unsupported': { kind: 'unsupported', advice: 'The message names what the image has that Stowage cannot run.' },
  'blob-unknown': {
    kind: 'not-found',
    advice: 'The registry lists a blob that it does not have: push the image again.',
  },
  'layer-invalid': {
    kind: 'conflict',
    advice: 'What the registry gave is not what its manifest says, or is not a layer: push the image again, then pull.',
  },
  'layer-too-large': { kind: 'conflict', advice: 'Raise STOWAGE_MAX_LAYER_SIZE if the layer is meant to be so large.' },
  'registry-not-allowed': { kind: 'forbidden', advice: 'Only the registries in STOWAGE_REGISTRY_ALLOWED may be used.' },
  'registry-denied': {
    kind: 'forbidden',
    advice: 'The repository does not exist or wants credentials: check the name, or run `docker login`.',
  },
  'credentials-gone': {
    kind: 'unavailable',
    disposition: 'fatal',
    advice:
      'Credentials are held only by the process that took the request, and that has ended: send the request again.',
  },
  'registry-untrusted': {
    kind: 'unavailable',
    disposition: 'fatal',
    advice:
      "Put the CA's certificate into STOWAGE_REGISTRY_CERTS_DIR, or list the registry in STOWAGE_REGISTRY_INSECURE.",
  },
  'registry-unknown': {
    kind: 'unavailable',
    disposition: 'fatal',
    advice: "The registry's host name is not known: check the name, and the DNS of the workers.",
  },
  'registry-unreachable': {
    kind: 'unavailable',
    advice: 'Check that the registry runs and can be reached from the workers.',
  },
  'registry-busy': { kind: 'unavailable', advice: 'The registry asks for less; tried again when it says.' },
  'registry-failed': { kind: 'unavailable', advice: 'The registry answered with an error of its own; see its logs.' },
  'store-full': {
    kind: 'conflict',
    advice: 'Free space on the datastore that the message names, or use another store.',
  },
  'file-locked': {
    kind: 'unavailable',
    advice:
      'A running machine has the file open (the message names it where it can be found): stop it or detach the disk.',
  },
  'hosts-full': {
    kind: 'unavailable',
    advice: 'No host has room for the machine and reaches its datastores: free CPU or memory, or bring a host back.',
  },
  'vcenter-unreachable': { kind: 'unavailable', advice: 'Check the network, the address, and that vCenter runs.' },
  'vcenter-untrusted': {
    kind: 'unavailable',
    advice: 'Set VCENTER_CA_FILE or VCENTER_THUMBPRINT to what this vCenter shows.',
  },
  'vcenter-login-refused': {
    kind: 'internal',
    disposition: 'fatal',
    advice: 'Check VCENTER_USER and VCENTER_PASSWORD.',
  },
  'vcenter-no-permission': {
    kind: 'forbidden',
    advice: 'Give the account the privilege that the message names on the object that it names, then redrive.',
  },
  'vcenter-busy': { kind: 'unavailable', advice: 'Another operation holds the object; Stowage tries again by itself.' },
  'vcenter-conflict': {
    kind: 'unavailable',
    advice: 'The object changed while it was being changed; tried again from a fresh read.',
  },
  'vcenter-invalid': { kind: 'invalid', advice: 'vCenter refused the arguments; the detail names the field.' },
  'vcenter-state': {
    kind: 'unavailable',
    advice: 'The object is in a state that does not allow this now; tried again by itself.',
  },
  'vcenter-not-found': { kind: 'not-found', advice: 'The object is gone from the inventory.' },
  'vcenter-already-so': { kind: 'conflict', advice: 'Nothing to do: it is already as it was asked to be.' },
  'vcenter-exists': { kind: 'conflict', advice: 'Something of that name exists already.' },
  'vcenter-unsupported': { kind: 'unsupported', advice: 'This vCenter or datastore cannot do it.' },
  'vcenter-fault': { kind: 'internal', advice: 'See the fault in the detail, and the Task in the vSphere client.' },
  'vcenter-garbled': {
    kind: 'unavailable',
    advice: 'The answer was cut or not SOAP; see the proxy between, if there is one.',
  },
  'redis-unavailable': { kind: 'unavailable', advice: 'Check that Redis runs and answers.' },
  'not-ready': { kind: 'unavailable', advice: 'The member `checks` says which part fails and why.' },
  'streams-exhausted': {
    kind: 'unavailable',
    advice: 'Too many event streams are open here: close some, or use another api process.',
  },
  'deadline-exceeded': {
    kind: 'unavailable',
    disposition: 'fatal',
    advice: 'The job took longer than it may; see its steps, then redrive.',
  },
  'worker-lost': {
    kind: 'internal',
    disposition: 'fatal',
    advice: 'Workers died too often while they ran this job: look at their logs before a redrive.',
  },
  'internal-error': { kind: 'internal', advice: 'A fault in Stowage: see the logs by trace id.' },
} as const satisfies Readonly<Record<string, CodeRule>>;

export type ErrorCode = keyof typeof ERROR_CODES;
