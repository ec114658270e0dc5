import { describe, expect, it } from 'vitest';
import { moref } from '../../core/ids.ts';
import type { Machine, ScsiController } from '../../core/ports/data-centre.ts';
import { chooseSlot, chooseSlots } from './slots.ts';

const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const controller = (
  bus: number,
  takenUnits: readonly number[],
  type = 'ParaVirtualSCSIController',
): ScsiController => ({
  key: 1_000 + bus,
  bus,
  type,
  takenUnits,
});
const machine = (...controllers: readonly ScsiController[]): Machine => ({
  ref: moref('VirtualMachine', 'vm-1'),
  name: 'lab-vm-1',
  changeVersion: '1',
  power: 'on',
  connected: true,
  connection: 'connected',
  controllers,
  disks: [],
  extraConfig: {},
});

describe('the slot for a disk', () => {
  it('the first free unit, and never 7', () => {
    expect(chooseSlot(machine(controller(0, [7])))).toEqual({ controller: 'existing', controllerKey: 1_000, unit: 0 });
    const taken = [0, 1, 2, 3, 4, 5, 6];
    // Even where a controller does not list its own unit.
    expect(chooseSlot(machine(controller(0, taken)))).toEqual({
      controller: 'existing',
      controllerKey: 1_000,
      unit: 8,
    });
    expect(chooseSlot(machine(controller(0, [7, 0, 2])))).toMatchObject({ unit: 1 });
  });

  it('filling a machine uses 60 different slots on four controllers, then it is full', () => {
    const controllers: ScsiController[] = [];
    const seen = new Set<string>();
    for (let disk = 0; disk < 60; disk += 1) {
      const slot = chooseSlot(machine(...controllers));
      if (slot.controller === 'new') controllers.push(controller(slot.bus, [7, slot.unit]));
      else {
        const at = controllers.findIndex((each) => each.key === slot.controllerKey);
        const held = controllers[at];
        if (held !== undefined) controllers[at] = { ...held, takenUnits: [...held.takenUnits, slot.unit] };
      }
      seen.add(slot.controller === 'new' ? `${slot.bus}:${slot.unit}` : `${slot.controllerKey - 1_000}:${slot.unit}`);
    }
    expect(seen.size).toBe(60);
    expect([...seen].filter((each) => each.endsWith(':7'))).toEqual([]);
    expect(controllers.map((each) => each.bus)).toEqual([0, 1, 2, 3]);
    expect(() => chooseSlot(machine(...controllers))).toThrow(
      expect.objectContaining({ code: 'machine-full', message: expect.stringContaining('lab-vm-1') }),
    );
  });

  it('paravirtual controllers come first', () => {
    const others = machine(controller(0, [7], 'VirtualLsiLogicController'), controller(1, [7, 0]));
    expect(chooseSlot(others)).toEqual({ controller: 'existing', controllerKey: 1_001, unit: 1 });
    const full = machine(controller(0, [7], 'VirtualLsiLogicController'), controller(1, ALL));
    expect(chooseSlot(full)).toEqual({ controller: 'existing', controllerKey: 1_000, unit: 0 });
  });

  it('a new controller takes the first bus that is free', () => {
    expect(chooseSlot(machine())).toEqual({ controller: 'new', bus: 0, unit: 0 });
    expect(chooseSlot(machine(controller(0, ALL), controller(2, ALL)))).toEqual({ controller: 'new', bus: 1, unit: 0 });
  });
});

describe('slots for several disks at once', () => {
  it('are distinct, and those beyond a full controller share a new one', () => {
    const full = machine(
      controller(
        0,
        ALL.filter((unit) => unit !== 14),
      ),
    );
    expect(chooseSlots(full, 3)).toEqual([
      { controller: 'existing', controllerKey: 1_000, unit: 14 },
      { controller: 'new', bus: 1, unit: 0 },
      { controller: 'new', bus: 1, unit: 1 },
    ]);
  });

  it('go to new controllers where many layers take the wide places of the first', () => {
    const wide = Array.from({ length: 65 }, (_, unit) => unit);
    expect(chooseSlots(machine(controller(0, wide), controller(1, wide)), 1)).toEqual([
      { controller: 'new', bus: 2, unit: 0 },
    ]);
  });

  it('too many are refused as a whole', () => {
    expect(() => chooseSlots(machine(controller(0, ALL)), 46)).toThrow(/no free slot/);
    expect(chooseSlots(machine(controller(0, ALL)), 45)).toHaveLength(45);
  });
});
