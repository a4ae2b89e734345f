/** Configurations as inputs of tests, and a reader that holds files in memory. */
import { type ConfigReader, type ConfigResult, parseConfig } from "../../src/config/index.js";

/** A file system of these files and the directories that they imply. */
export function memoryReader(files: Readonly<Record<string, string>>): ConfigReader {
  return {
    readFile: (path) => files[path] ?? null,
    readDirectory: (path) => {
      const names = Object.keys(files)
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1))
        .filter((name) => !name.includes("/"));
      return names.length === 0 ? null : names;
    },
  };
}

/** Parses `text` as /etc/holdfast.conf of the node `node1`. */
export function parse(text: string, files: Readonly<Record<string, string>> = {}, nodename = "node1"): ConfigResult {
  return parseConfig("/etc/holdfast.conf", {
    reader: memoryReader({ ...files, "/etc/holdfast.conf": text }),
    nodename,
  });
}

/** Each diagnostic as "severity rule line", in order: what most tests compare. */
export function findings({ diagnostics }: ConfigResult): string[] {
  return diagnostics.map(({ severity, rule, at }) => `${severity} ${rule} ${at.line}`);
}

/** The rules that `text` breaks, warnings and errors, without places. Notes do not count. */
export function broken(text: string, files: Readonly<Record<string, string>> = {}): string[] {
  return parse(text, files)
    .diagnostics.filter(({ severity }) => severity !== "note")
    .map(({ severity, rule }) => `${severity} ${rule}`);
}

/** A cluster of three with two networks, on one line, so that lines of the text under test count from 2. */
export const CLUSTER =
  'cluster { key_file = /etc/holdfast/cluster.key  Topology "10.1.1.0/24" { interface = "eth1" }  Topology "10.2.0.0/16" { interface = "eth2" } } ' +
  "msgc_server { peers = [ node1 = 192.168.0.10  node2 = 192.168.0.11  node3 = 192.168.0.12 ] }\n";

/** The examples of the DuraVIP chapter. An ellipsis stands for other options, and is left out. */
export const CHAPTER = {
  topology: `cluster {
  # DuraVIP network topology hints
  Topology "10.1.1.0/24" {
    cidrmask = "32"
    interface = "eth1"
  }
}
`,
  listenersAndBindings: `ESMTP_Listener {
  Listen "10.1.1.1:25" {
    Enable_Duravip = true
  }
  Listen "10.1.1.2:25" {
    Enable_Duravip = true
  }

}
Binding "duravip-1" {
  Enable_Duravip = true
  Bind_Address = "10.1.1.1"
}
Binding "duravip-2" {
  Enable_Duravip = true
  Bind_Address = "10.1.1.2"
}
`,
  preference: `ESMTP_Listener {
  Listen "10.1.1.1:25" {
    Enable_Duravip = true
    Duravip_Preference = "nodename"
  }
}
Binding "foo" {
  Enable_Duravip = true
  Bind_Address = "10.1.1.1"
  Duravip_Preference = "nodename"
}
`,
  follow: `ESMTP_Listener {
  Listen "10.1.1.1:25" {
    Duravip_Follow = "bindingname"
  }
}
Binding "bindingname" {
  Enable_Duravip = true
  Bind_Address = "10.2.1.1"
}
`,
  followSameAddress: `
listen "10.110.83.140:25" {
  duravip_follow = "example"
}
`,
  sameAddressBinding: `
binding "example" {
  bind_address = "10.110.83.140"
}
`,
  servicesOfNode1: `# node1 configuration
ESMTP_Listener {
  Listen "192.168.0.51:25" {
    Enable_Duravip = "true"
  }
}
Binding example {
  Enable_Duravip = "true"
  Bind_Address = 192.168.0.51
}
`,
  servicesOfNode2: `# node2 configuration
Binding example {
  Enable_Duravip = "true"
  Bind_Address = 192.168.0.51
}
`,
} as const;

/** Everything that the language has, in one text. */
export const EVERYTHING = `use_iflist_cache = 1                      # restart needed
Security { user = "ecuser" group = "ecuser"
  Capabilities = "cap_net_admin+ep cap_net_bind_service+ep cap_net_raw+ep cap_sys_resource+ep" }
ECCluster_Listener { Listen "*:4802" {} }
msgcserver_listener { Listen ":4809" { } }
msgc_server { peers = [ node1 = "192.168.0.10"
                        node2.example.com = "192.168.0.11" ] }
msgc_client { server = ( "127.0.0.1:4809" ) }
cluster {
  cluster_group = ec_cluster
  arp_all_hosts = false  takeover_probe_ms = 300  conflict_limit = 2  conflict_action = "yield"
  duravip_balance_set_size = 20
  view_mature_time = 5   view_balance_interval = 10   view_broadcast_interval = 0
  if_check_interval = 30 if_down_limit = 4
  unconditional_rebind = false
  /* one block per VIP network */
  Topology "10.1.1.0/24" { interface = "eth1" }            # cidrmask defaults to 32
  Topology "10.2.0.0/16"
  { cidrmask = "32"  interface = "eth2" }
  Replicate "metrics" { parameters = "connect;reception;rejection" }
}
ESMTP_Listener {
  Listen "192.168.0.10:25" {}                              # ordinary listener
  Listen "10.1.1.1:25" { Enable_Duravip = true }           # same IP as binding vip-1
  Listen "10.1.1.9:25" { Duravip_Follow = "vip-2" }        # different IP, follows by name
  Listen "10.1.1.10:25" { Duravip_Follow = "10.2.1.3" }    # follows by IP
  Listen "10.1.1.2:25" {}                                  # implicitly upgraded: binding vip-u uses this IP
}
binding vip-1 { enable_duravip = enabled  bind_address = 10.1.1.1  duravip_preference = node1 }
Binding "vip-u" { Enable_Duravip = 1  Bind_Address = "10.1.1.2" }
Binding_Group "g" {
  Suspend_Delivery = "false"
  Binding "vip-2" { Enable_Duravip = true  Bind_Address = "10.2.1.2"  Duravip_Preference = "node1" }
  Binding "vip-3" { Enable_Duravip = on    Bind_Address = "10.2.1.3"  Duravip_Preference = "node2" }
}
binding "default" { suspend_delivery = true }
include node-local.conf
readonly_include "/opt/msys/etc/installer/ecelerity.d"
`;

/** What EVERYTHING needs around it: its includes, and the cluster key, by which holdfast differs. */
export const AROUND_EVERYTHING = {
  "/etc/node1/node-local.conf": "Hostname = mx1.example.com\n",
  "/opt/msys/etc/installer/ecelerity.d/10-key.conf": "cluster { key_file = /etc/holdfast/cluster.key }\n",
} as const;
