import { describe, expect, test } from 'vitest'
import { containerOf } from '../../../src/sampling/containers.ts'
import { fakeProc } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const ID = '4f5a1b2c3d4e'.padEnd(64, '0')
const OUTER = 'e'.repeat(64)
const POD = '0a1b2c3d-0011-2233-4455-66778899aabb'

function container(cgroup: string, namespacePids: readonly number[] = [42]) {
  const files = { '42/cgroup': cgroup }
  return containerOf(fakeProc(temporaryFolder(), { 42: { namespacePids } }, files), 42)
}

describe('a container is told by the control group', () => {
  test.each([
    ['docker', `0::/system.slice/docker-${ID}.scope`],
    ['docker', `12:pids:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/`],
    ['docker', `0::/user.slice/user-1000.slice/user@1000.service/app.slice/docker-${ID}.scope`],
    ['podman', `0::/machine.slice/libpod-${ID}.scope/container`],
    ['podman', `0::/libpod_parent/libpod-${ID}`],
    ['cri-o', `0::/kubepods.slice/kubepods-burstable.slice/crio-${ID}.scope`],
    ['', `0::/some/runtime/${ID}/init`],
  ])('%s in %s', (runtime, cgroup) => {
    expect(container(`${cgroup}\n`)).toEqual({ runtime, id: ID, pod: '', pidInside: 0 })
  })

  test.each([
    `0::/kubepods.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
    `0::/kubelet.slice/kubelet-kubepods-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
  ])('of a pod, by systemd: %s', (cgroup) => {
    expect(container(cgroup)).toMatchObject({ runtime: 'containerd', id: ID, pod: POD })
  })

  test('of a pod, by the file system driver', () => {
    const found = container(`3:cpu,cpuacct:/kubepods/burstable/pod${POD}/${ID}\n`)
    expect(found).toMatchObject({ runtime: '', id: ID, pod: POD })
  })

  test('lxc and nspawn have names', () => {
    expect(container('0::/lxc.payload.web-1/system.slice/app.service')).toMatchObject({
      runtime: 'lxc',
      id: 'web-1',
    })
    expect(container('3:pids:/lxc/web-1/app.service')).toMatchObject({
      runtime: 'lxc',
      id: 'web-1',
    })
    expect(container('0::/machine.slice/systemd-nspawn@db.service/payload')).toMatchObject({
      runtime: 'nspawn',
      id: 'db',
    })
  })

  test('Amazon ECS', () => {
    const task = 'a'.repeat(32)
    expect(container(`4:memory:/ecs/${task}/${task}-123456789\n`)).toMatchObject({
      runtime: 'ecs',
      id: `${task}-123456789`,
    })
  })

  test('the inner one of two', () => {
    const found = container(`0::/system.slice/docker-${OUTER}.scope/kubepods/pod${POD}/${ID}`)
    expect(found).toMatchObject({ id: ID, pod: POD })
  })
})

test.each([
  '0::/\n',
  '',
  '0::/user.slice/user-1000.slice/session-2.scope\n',
  '0::/system.slice/docker.service\n',
  `0::/machine.slice/libpod-conmon-${ID}.scope\n`,
  '0::/machine.slice/machine-qemu\\x2d1.scope\n',
  '0::/lxc.monitor.web-1\n',
])('no container in %j', (cgroup) => {
  expect(container(cgroup)).toBeUndefined()
})

test('a pid namespace tells of a container whose control group is hidden', () => {
  expect(container('0::/\n', [42, 7])).toEqual({ runtime: '', id: '', pod: '', pidInside: 7 })
  expect(container(`0::/docker/${ID}`, [42, 30, 1])).toMatchObject({ id: ID, pidInside: 1 })
})

test('a process that is gone has none', () => {
  expect(containerOf(fakeProc(temporaryFolder(), {}), 42)).toBeUndefined()
})
