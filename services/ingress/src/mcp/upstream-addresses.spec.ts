import { describe, expect, test } from 'vitest';
import { faultOf, kindsOf, type Network } from './upstream-addresses.js';

describe('what an address is for', () => {
  test.each([
    ['127.0.0.1', ['loopback']],
    ['127.255.255.254', ['loopback']],
    ['10.0.0.1', ['private']],
    ['172.16.0.1', ['private']],
    ['172.32.0.1', ['public']],
    ['192.168.255.255', ['private']],
    ['100.64.0.1', ['private']],
    ['93.184.215.14', ['public']],
    ['0.0.0.0', ['unspecified']],
    ['0.1.2.3', ['unspecified']],
    ['169.254.169.254', ['link-local']],
    ['169.254.170.2', ['link-local']],
    ['168.63.129.16', ['metadata']],
    ['100.100.100.200', ['metadata']],
    ['192.0.0.192', ['reserved']],
    ['192.0.2.1', ['reserved']],
    ['198.18.0.1', ['reserved']],
    ['240.0.0.1', ['reserved']],
    ['224.0.0.1', ['multicast']],
    ['255.255.255.255', ['broadcast']],
    ['::', ['unspecified']],
    ['::1', ['loopback']],
    ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', ['public']],
    ['fd12:3456:789a::1', ['private']],
    ['fe80::1', ['link-local']],
    ['fe80::1%eth0', ['link-local']],
    ['2606:2800:21f::1%eth0', ['link-local']],
    ['febf::1', ['link-local']],
    ['fec0::1', ['reserved']],
    ['fd00:ec2::254', ['metadata']],
    ['fd00:ec2::23', ['metadata']],
    ['fd20:ce::254', ['metadata']],
    ['fd00:c1::a9fe:a9fe', ['metadata']],
    ['fd00:42::42', ['metadata']],
    ['ff02::1', ['multicast']],
    ['2001:db8::1', ['reserved']],
    ['100::1', ['reserved']],
    ['4000::1', ['reserved']],
    ['localhost', ['unreadable']],
    ['', ['unreadable']],
    ['0x7f.0.0.1', ['unreadable']],
    ['010.0.0.1', ['unreadable']],
  ])('when it is %s, then it is %j', (address, kinds) => {
    expect(kindsOf(address)).toEqual(kinds);
  });

  test.each([
    ['IPv4-mapped', '::ffff:127.0.0.1', ['loopback']],
    ['IPv4-mapped in hex', '::ffff:a9fe:a9fe', ['link-local']],
    ['IPv4-translated', '::ffff:0:10.0.0.1', ['private']],
    ['IPv4-compatible', '::127.0.0.1', ['reserved']],
    ['IPv4-compatible in hex', '::7f00:1', ['reserved']],
    ['NAT64', '64:ff9b::169.254.169.254', ['link-local']],
    ['NAT64 to a public one', '64:ff9b::93.184.215.14', ['public']],
    ['NAT64 of an own prefix', '64:ff9b:1::10.0.0.1', ['reserved']],
    ['6to4', '2002:7f00:1::', ['public', 'loopback']],
    ['6to4 to metadata', '2002:a9fe:a9fe::1', ['public', 'link-local']],
    ['Teredo, the client', '2001:0:5db8:d70e::5601:5601', ['public', 'public', 'link-local']],
    ['Teredo, the server', '2001:0:a00:1::a247:28f1', ['public', 'private', 'public']],
    ['ISATAP', '2606:2800:21f::5efe:10.0.0.1', ['public', 'private']],
    ['ISATAP, universal', 'fd12::200:5efe:169.254.169.254', ['private', 'link-local']],
    ['ISATAP, link-local', 'fe80::5efe:93.184.215.14', ['link-local', 'public']],
  ])('when it carries an IPv4 address (%s), then that one is judged too', (_, address, kinds) => {
    expect(kindsOf(address)).toEqual(kinds);
  });
});

describe('what a network allows', () => {
  const loopback = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];
  const inside = ['10.0.0.1', 'fd12::1', '100.64.0.1', '::ffff:192.168.0.1', '64:ff9b::10.0.0.1'];
  const outside = ['93.184.215.14', '2606:2800:21f::1', '::ffff:93.184.215.14'];
  const tunnels = ['2002:a00:1::', '2001:0:a00:1::a247:28f1', '2606:2800:21f::5efe:10.0.0.1'];
  const never = [
    '169.254.169.254',
    'fd00:ec2::254',
    'fe80::1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '240.0.0.1',
    '::ffff:169.254.169.254',
    '2002:a9fe:a9fe::1',
    '64:ff9b::a9fe:a9fe',
    'nonsense',
  ];
  const cases: [Network, readonly string[], readonly string[]][] = [
    ['any', [...loopback, ...inside, ...outside, ...tunnels], never],
    ['private', [...loopback, ...inside], [...outside, ...tunnels, ...never]],
    ['public', outside, [...loopback, ...inside, ...tunnels, ...never]],
  ];

  test.each(cases)('when it is %s, then these and no others', (network, good, bad) => {
    const faults = (addresses: readonly string[]) =>
      addresses.filter((address) => faultOf('orders', [address], network)?.code !== undefined);

    expect(faults(good)).toEqual([]);
    expect(faults(bad)).toEqual(bad);
  });

  test('when one of several addresses is not allowed, then the host is not, and the words tell why', () => {
    const mixed = ['93.184.215.14', '10.0.0.1'];

    expect(faultOf('orders.example', mixed, 'public')).toMatchObject({
      code: 'ADDRESS_REFUSED',
      message:
        'orders.example has the address 10.0.0.1, which is private and not allowed by "network: public"',
    });
    expect(faultOf('10.0.0.1', ['10.0.0.1'], 'public')?.message).toBe(
      '10.0.0.1 is private and not allowed by "network: public"',
    );
  });
});
