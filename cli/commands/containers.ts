import type { Command } from 'commander';
import { addCommand, manyOption, noun, option, type Program, type Run } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { submissionOptions, submit } from '../follow.ts';
import { pageOptions, segment, showList, showOne } from '../list.ts';
import { column, type Item, wide } from '../output/table.ts';
import { eachOf } from './jobs.ts';
import { pairs } from './volumes.ts';

const COLUMNS = [
  wide('NAME', 'name'),
  column('ID', (item) => String(item['id']).slice(0, 12)),
  column('STATE', 'state', 'state'),
  wide('IMAGE', 'imageName'),
  wide('VOLUMES', volumesOf),
  column('HOST', 'machine.host'),
  column('AGE', 'createdAt', 'age'),
];

function volumesOf({ mounts }: Item): string | undefined {
  if (!Array.isArray(mounts) || mounts.length === 0) return undefined;
  return mounts.map((mount: Item) => `${String(mount['volume'])}:${String(mount['destination'])}`).join(', ');
}

export function containerCommands(root: Command, program: Program): void {
  const parent = noun(root, 'container', 'Containers: one machine each').alias('containers');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls', 'ps'],
    summary: 'List containers, in whatever state',
    options: [
      option('--state <state>', 'only in this state, e.g. running, exited, recovering'),
      option('--image <image>', 'only of this image, as it was named or by its id'),
      option('--label <label>', 'only with this label: key or key=value'),
      option('--host <host>', 'only on this host, by name or moref'),
      ...pageOptions(),
    ],
    run: async (run) => {
      const { options } = run;
      const names = ['state', 'image', 'label', 'host'];
      const query = Object.fromEntries(names.map((name) => [name, options.text(name)]));
      await showList(run, { path: 'v1/containers', query, columns: COLUMNS, nouns: 'containers' });
    },
  });
  addCommand(parent, program, {
    usage: 'show <container>',
    aliases: ['inspect'],
    summary: 'Show a container, by name, id, or the beginning of its id',
    completes: 'container',
    run: async (run) => await showOne(run, `v1/containers/${segment(run.name)}`),
  });
  createCommand(parent, program);
  runCommands(parent, program);
  changeCommands(parent, program);
}

function createCommand(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'create <image> [command...]',
    summary: 'Make a container; options go before the image',
    completes: 'image',
    options: [
      option('--name <name>', 'default: one that is made up'),
      manyOption('-v, --volume <mount>', 'a volume and where it is: data:/var/lib/data, or …:ro'),
      manyOption('-e, --env <name=value>', 'a variable of the process'),
      manyOption('-l, --label <name=value>', 'a label'),
      manyOption('-p, --publish <port>', 'hostPort:containerPort, with /udp if it is so'),
      option('--entrypoint <program>', 'in place of the image’s'),
      option('--workdir <path>', 'where the process begins'),
      option('--user <user>', 'as whom it runs'),
      option('--hostname <name>', 'default: the beginning of the id'),
      option('--network <mode>', 'bridge or none', { choices: ['bridge', 'none'] }),
      option('--rm', 'it goes when it has ended'),
      ...sizeOptions(),
      ...submissionOptions(),
    ],
    examples: ['container create --name web -v site:/srv -p 8080:80 nginx', 'container create busybox sleep 3600'],
    run: async (run) => await submit(run, { path: 'v1/containers', body: creation(run) }),
  }).passThroughOptions();
}

const sizeOptions = () => [
  option('--memory <size>', 'e.g. 512MiB, 2GB'),
  option('--cpus <count>', 'e.g. 1.5'),
  option('--restart <policy>', 'no, always, unless-stopped, on-failure, or on-failure:5'),
];

function creation(run: Run): Item {
  const { options, args } = run;
  const [image, ...command] = args;
  const entrypoint = options.text('entrypoint');
  const text = (member: string, name: string): Item => {
    const value = options.text(name);
    return value === undefined ? {} : { [member]: value };
  };
  const many = (member: string, values: readonly unknown[]): Item => (values.length === 0 ? {} : { [member]: values });
  const labels = pairs(options.texts('label'), '--label', '');
  return {
    image,
    ...many('command', command),
    ...(entrypoint === undefined ? {} : { entrypoint: [entrypoint] }),
    ...text('name', 'name'),
    ...text('workingDir', 'workdir'),
    ...text('user', 'user'),
    ...text('hostname', 'hostname'),
    ...text('network', 'network'),
    ...many('env', options.texts('env')),
    ...many('mounts', options.texts('volume').map(mountOf)),
    ...many('ports', options.texts('publish').map(portOf)),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(options.flag('rm') ? { autoRemove: true } : {}),
    ...sizes(run),
  };
}

/** `volume:/path[:ro]`, or `/path` for an anonymous one. */
export function mountOf(text: string): Item {
  const [, volume, destination = text, mode] = /^(?:([^:/][^:]*):)?(\/[^:]*)(?::(ro|rw))?$/.exec(text) ?? [];
  if (!destination.startsWith('/')) throw usageFailure(`--volume wants volume:/path or volume:/path:ro, not ${text}`);
  return {
    ...(volume === undefined ? {} : { volume }),
    destination,
    ...(mode === 'ro' ? { access: 'read-only' } : {}),
  };
}

/** `[ip:]hostPort:containerPort[/protocol]`, or only the container’s. */
export function portOf(text: string): Item {
  const found = /^(?:(?:([^:/]*):)?(\d{0,5}):)?(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (found === null) throw usageFailure(`--publish wants hostPort:containerPort, not ${text}`);
  const [, hostIp, hostPort, containerPort, protocol] = found;
  return {
    containerPort: Number(containerPort),
    ...(protocol === undefined ? {} : { protocol }),
    ...(hostIp === undefined || hostIp === '' ? {} : { hostIp }),
    ...(hostPort === undefined || hostPort === '' ? {} : { hostPort: Number(hostPort) }),
  };
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

function sizes({ options }: Run): Item {
  const memory = options.text('memory');
  const cpus = options.number('cpus');
  const restart = options.text('restart');
  const [, name, retries] = /^([a-z-]+)(?::(\d{1,6}))?$/.exec(restart ?? '') ?? [];
  if (restart !== undefined && name === undefined) throw usageFailure(`--restart does not know ${restart}`);
  return {
    ...(memory === undefined ? {} : { memoryBytes: bytesOf(memory) }),
    ...(cpus === undefined ? {} : { nanoCpus: Math.round(cpus * 1e9) }),
    ...(name === undefined
      ? {}
      : { restart: { name, ...(retries === undefined ? {} : { maxRetries: Number(retries) }) } }),
  };
}

export function bytesOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase() || 'b'];
  if (count === undefined || factor === undefined) throw usageFailure(`--memory wants a size like 512MiB, not ${text}`);
  return Math.round(Number(count) * factor);
}

function runCommands(parent: Command, program: Program): void {
  const verb = (name: string, summary: string, options = [...submissionOptions()]): void => {
    addCommand(parent, program, {
      usage: `${name} <containers...>`,
      summary,
      completes: 'container',
      options,
      run: async (run) => {
        const seconds = run.options.number('time');
        const signal = run.options.text('signal');
        const body = {
          ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
          ...(signal === undefined ? {} : { signal }),
        };
        return await eachOf(
          run,
          async (id) => await submit(run, { path: `v1/containers/${segment(id)}/${name}`, body }),
        );
      },
    });
  };
  const time = () => option('-t, --time <seconds>', 'for the process to end by itself');
  verb('start', 'Start containers');
  verb('stop', 'Stop containers', [time(), ...submissionOptions()]);
  verb('restart', 'Stop containers and start them', [time(), ...submissionOptions()]);
  verb('kill', 'Send a signal to containers', [option('-s, --signal <signal>', 'KILL'), ...submissionOptions()]);
  verb('pause', 'Suspend containers');
  verb('unpause', 'Go on with containers that were suspended');
}

function changeCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'rename <container> <name>',
    summary: 'Give a container another name',
    completes: 'container',
    options: submissionOptions(),
    run: async (run) =>
      await submit(run, { path: `v1/containers/${segment(run.name)}/rename`, body: { name: run.args[1] } }),
  });
  addCommand(parent, program, {
    usage: 'update <containers...>',
    summary: 'Change memory, CPUs or the restart policy',
    completes: 'container',
    options: [...sizeOptions(), ...submissionOptions()],
    run: async (run) => {
      const body = sizes(run);
      if (Object.keys(body).length === 0) throw usageFailure('one of --memory, --cpus and --restart is needed');
      return await eachOf(run, async (id) => await submit(run, { path: `v1/containers/${segment(id)}/update`, body }));
    },
  });
  addCommand(parent, program, {
    usage: 'remove <containers...>',
    aliases: ['rm'],
    summary: 'Remove containers',
    completes: 'container',
    options: [
      option('-f, --force', 'also when they run'),
      option('--volumes', 'with their anonymous volumes'),
      ...submissionOptions(),
    ],
    run: async (run) => {
      const query = {
        ...(run.options.flag('force') ? { force: true } : {}),
        ...(run.options.flag('volumes') ? { volumes: true } : {}),
      };
      return await eachOf(
        run,
        async (id) => await submit(run, { method: 'DELETE', path: `v1/containers/${segment(id)}`, query }),
      );
    },
  });
}
