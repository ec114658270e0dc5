import type { ContainerId, ContainerName, DatastorePath, JobId, MachineUuid, Moref, VolumeName } from './ids.ts';
import type { JsonObject } from './job.ts';
import type { Digest } from './reference.ts';
import type { ContainerState } from './states.ts';
import type { AccessMode, Flag, StoreBacking } from './volume.ts';

/** Where containers' machines live and what they get when nobody says, from the configuration. */
export interface ContainerWorld {
  /** The VM folder and the resource pool, by their names. */
  readonly folder: string;
  readonly pool: string;
  /** Needed where vCenter has several. */
  readonly cluster?: string;
  /** The folder below which `containers/<id>/` are made; no slashes at its ends; may be empty. */
  readonly store: { readonly datastore: string; readonly root: string };
  /** The port group of containers on `bridge`. */
  readonly network: string;
  /** Of the disk that takes what a container writes. */
  readonly scratchBytes: number;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Absent: nobody is inside of the machines, and nothing runs in them. */
  readonly guest?: GuestWorld;
}

/** How guests reach their gateway, and are believed. */
export interface GuestWorld {
  /** What the hosts dial, `tcp://host:port`. */
  readonly uri: string;
  /** What their machines boot: the guest's ISO, on a datastore that all hosts see. Absent: the hosts bring it along, as the lab's do. */
  readonly image?: DatastorePath;
  /** How long one may take, from power-on until it is heard. */
  readonly waitMs: number;
  /** What the guest of a container must know: see guest/PROTOCOL.md. */
  readonly secretOf: (container: ContainerId) => string;
}

/** How patient recovery is. */
export interface RecoveryWorld {
  /** For how long a host must be silent before its containers are recovered. */
  readonly graceMs: number;
  /** How long vSphere HA has for its own restarts, counted from when the host was lost. */
  readonly haWaitMs: number;
  /** How long a container that fits nowhere is tried again before a person must look. */
  readonly roomWaitMs: number;
}

export const RESTART_POLICIES = ['no', 'on-failure', 'always', 'unless-stopped'] as const;
export type RestartPolicyName = (typeof RESTART_POLICIES)[number];
export interface RestartPolicy {
  readonly name: RestartPolicyName;
  /** Of `on-failure`; 0: as often as it takes. */
  readonly maxRetries: number;
}

export interface ContainerMount {
  readonly volume: VolumeName;
  /** An absolute path in the container. */
  readonly destination: string;
  readonly access: AccessMode;
  /** Made for this container, and goes with it when that is asked for. Named volumes never do. */
  readonly anonymous: boolean;
  /** Docker's `nocopy`: what the image has at the path is not copied into an empty volume. */
  readonly noCopy: boolean;
  /** Of the volume's store: `files` has no device. */
  readonly backing: StoreBacking;
}

export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** '' : any. */
  readonly hostIp: string;
  /** 0: any free one. */
  readonly hostPort: number;
}

export const NETWORK_MODES = ['bridge', 'none'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

/** What was asked for and never changes. */
export interface ContainerSpec {
  readonly image: Digest;
  /** As the caller named it. */
  readonly imageName: string;
  /** With the image's where the caller gave none. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly stopSignal: string;
  readonly stopTimeoutSeconds: number;
  readonly network: NetworkMode;
  readonly ports: readonly PortBinding[];
  readonly mounts: readonly ContainerMount[];
  /** Docker's `--rm`. */
  readonly autoRemove: boolean;
  /** What only the Docker face knows: `Config` and `HostConfig` of its request, as they came. */
  readonly engine?: JsonObject;
}

/** What `container.update` may change. */
export interface ContainerSettings {
  readonly memoryBytes: number;
  /** Docker's NanoCPUs; 0: no limit. */
  readonly nanoCpus: number;
  readonly restart: RestartPolicy;
}

/** What a container is meant to be doing, and what it did last: changes at every start and stop. */
export interface ContainerRun {
  /** Whether it should be running: what recovery goes by. One that has exited and is to be started again by its policy should. */
  readonly wanted: 'running' | 'stopped';
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  /** Starts by its restart policy since somebody started it. */
  readonly restarts: number;
  /** The pause before the last of them. */
  readonly pauseMs?: number;
}

export interface ContainerMachine {
  readonly ref: Moref;
  readonly uuid: MachineUuid;
  readonly vmxPath: DatastorePath;
  /** Where it runs, or ran last; a host's moref. */
  readonly host?: Moref;
}

/** Where a container that runs is reached. */
export interface ContainerReach {
  /** Absent: its guest has told none. */
  readonly ip?: string;
  /** What is forwarded to it, with the ports of the host that were chosen. */
  readonly ports: readonly PortBinding[];
}

/** What Stowage knows of one container. `name` is its id, `called` the name that people use. */
export interface ContainerRecord {
  readonly type: 'container';
  readonly name: ContainerId;
  readonly called: ContainerName;
  readonly state: ContainerState;
  readonly spec: ContainerSpec;
  readonly settings: ContainerSettings;
  readonly run: ContainerRun;
  /** Absent until its machine is made. */
  readonly machine?: ContainerMachine;
  /** Of one that runs, as far as its machine told it at the start. */
  readonly reach?: ContainerReach;
  /** Why it did not start, or is dead. */
  readonly error?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The job that changed it last. */
  readonly job?: JobId;
  /** The `host.recover` job that has it, in state recovering. */
  readonly recovery?: JobId;
  readonly flag?: Flag;
}

/** Who has a name: written in the same transaction as the container, so that no two get one. */
export interface ContainerNameRecord {
  readonly type: 'container-name';
  readonly name: ContainerName;
  readonly container: ContainerId;
}

/** Keys in a machine's extraConfig. */
export const CONTAINER_KEYS = {
  id: 'guestinfo.stowage.id',
  /** A ContainerDocument. */
  document: 'guestinfo.stowage.container',
  /** A ContainerStatus. */
  status: 'guestinfo.stowage.status',
  /** The exit code in decimal, written by the guest before it powers off; taken away at each start. */
  exit: 'guestinfo.stowage.exit',
  /** Why the process could not be started, as text, written by the guest; taken away at each start. */
  failure: 'guestinfo.stowage.failure',
  /** By which the gateway knows the guest; written when the machine is made, and at each start. */
  secret: 'guestinfo.stowage.secret',
  /** A job that only wants the files: the guest runs no process then. Taken away at each start. */
  visit: 'guestinfo.stowage.visit',
  /** GuestDisks, written at each start. */
  disks: 'guestinfo.stowage.disks',
  /** PortBindings in JSON, with the ports that were bound: written at each start by whoever runs the machine, where ports are forwarded. */
  ports: 'guestinfo.stowage.ports',
  /** The guest's address, written by the guest. */
  ip: 'guestinfo.ip',
} as const;

/** Written when the machine is made: the truth from which a record is rebuilt. */
export interface ContainerDocument {
  readonly stowage: 1;
  readonly id: ContainerId;
  readonly spec: ContainerSpec;
  readonly createdAt: string;
  readonly job: JobId;
}

/** Beside it, what changes. */
export interface ContainerStatus {
  readonly called: ContainerName;
  readonly settings: ContainerSettings;
  readonly run: ContainerRun;
}
