import { describe, expect, it } from "vitest";
import { findHops, type MailDns, orderMx, routeOf } from "../../src/mail/next-hop.js";

const none = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

function dns(over: Partial<MailDns>): MailDns {
  return { resolveMx: none("ENODATA"), resolve4: none("ENOTFOUND"), resolve6: none("ENODATA"), ...over };
}

/** Keeps the order of equals. */
const steady = () => 0;
const hops = (domain: string, family: 0 | 4 | 6, over: Partial<MailDns>) =>
  findHops(domain, { kind: "mx" }, family, dns(over), steady).then((found) =>
    found.map((hop) => `${hop.address}:${hop.port}`),
  );

describe("the next hop", () => {
  it("is the domain's route, else the gateway, else an MX", () => {
    const gateway = [{ host: "gw.test", port: 25 }];
    const routes = [{ host: "r.test", port: 2525 }];
    expect(routeOf({ name: "x", routes, suspended: false, tls: null }, gateway)).toEqual({
      kind: "hosts",
      hosts: routes,
    });
    expect(routeOf({ name: "x", routes: [], suspended: false, tls: null }, gateway)).toEqual({
      kind: "hosts",
      hosts: gateway,
    });
    expect(routeOf(undefined, gateway)).toEqual({ kind: "hosts", hosts: gateway });
    expect(routeOf(undefined, null)).toEqual({ kind: "mx" });
  });

  it("tries exchangers by preference, equal ones in any order (RFC 5321 section 5.1)", () => {
    const records = [
      { exchange: "c", priority: 20 },
      { exchange: "a", priority: 10 },
      { exchange: "b", priority: 10 },
    ];
    const orders = new Set<string>();
    let seed = 0;
    for (let run = 0; run < 50; run++) {
      const order = orderMx("x.test", records, () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31);
      orders.add(order.join(""));
    }
    expect([...orders].sort((a, b) => a.localeCompare(b))).toEqual(["abc", "bac"]);
  });

  it("tries configured hosts in the order in which they were written, whatever chance says", async () => {
    const hosts = [3, 1, 4, 2].map((last) => ({ host: `192.0.2.${last}`, port: 25 }));
    for (const random of [() => 0, () => 0.99, Math.random]) {
      for (let run = 0; run < 20; run++) {
        const found = await findHops("x.test", { kind: "hosts", hosts }, 4, dns({}), random);
        expect(found.map(({ address }) => address)).toEqual(hosts.map(({ host }) => host));
      }
    }
  });

  it("gives each of equal exchangers its share", async () => {
    const exchanges = ["a", "b", "c"];
    const resolveMx = async () => exchanges.map((exchange) => ({ exchange, priority: 10 }));
    const first = new Map<string, number>();
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let run = 0; run < 300; run++) {
      const resolve4 = async () => ["192.0.2.1"];
      const [hop] = await findHops("x.test", { kind: "mx" }, 4, dns({ resolveMx, resolve4 }), random);
      first.set(hop?.host ?? "", (first.get(hop?.host ?? "") ?? 0) + 1);
    }
    for (const exchange of exchanges) expect(first.get(exchange), exchange).toBeGreaterThan(60);
  });

  it("has no mail for a null MX, for good (RFC 7505)", async () => {
    const resolveMx = async () => [{ exchange: "", priority: 0 }];
    await expect(hops("x.test", 4, { resolveMx })).rejects.toMatchObject({ permanent: true, status: "5.1.10" });
  });

  it("is the domain itself where there is no MX, in the family of the binding", async () => {
    const addresses = { resolve4: async () => ["192.0.2.1"], resolve6: async () => ["2001:db8::1"] };
    expect(await hops("x.test", 4, addresses)).toEqual(["192.0.2.1:25"]);
    expect(await hops("x.test", 6, addresses)).toEqual(["2001:db8::1:25"]);
    expect(await hops("x.test", 0, addresses)).toEqual(["192.0.2.1:25", "2001:db8::1:25"]);
  });

  it("fails for good when the domain does not exist, and for now when DNS does not answer", async () => {
    await expect(hops("x.test", 4, { resolveMx: none("ENOTFOUND") })).rejects.toMatchObject({
      permanent: true,
      status: "5.1.2",
    });
    await expect(hops("x.test", 4, { resolveMx: none("ESERVFAIL") })).rejects.toMatchObject({ permanent: false });
    await expect(hops("x.test", 4, { resolve4: none("ESERVFAIL") })).rejects.toMatchObject({ permanent: false });
  });

  it("uses the exchangers that have addresses", async () => {
    const resolveMx = async () => [
      { exchange: "dead.test", priority: 1 },
      { exchange: "mx.test", priority: 2 },
    ];
    const resolve4 = async (host: string) => (host === "mx.test" ? ["192.0.2.2"] : none("ENOTFOUND")());
    expect(await hops("x.test", 4, { resolveMx, resolve4 })).toEqual(["192.0.2.2:25"]);
  });

  it("is the address of an address literal (RFC 5321 section 4.1.3)", async () => {
    expect(await hops("[192.0.2.7]", 4, {})).toEqual(["192.0.2.7:25"]);
    expect(await hops("[ipv6:2001:db8::7]", 6, {})).toEqual(["2001:db8::7:25"]);
    await expect(hops("[192.0.2.7]", 6, {})).rejects.toMatchObject({ permanent: false });
    await expect(hops("", 4, {})).rejects.toMatchObject({ permanent: true, status: "5.1.3" });
  });
});
