/**
 * What the original knows and holdfast does not act upon. A configuration that was written for it is read without errors,
 * and each of these is noted, so that nobody believes in a setting that does nothing.
 */
export interface Foreign {
  readonly name: string;
  /** Completes "Option ... ". */
  readonly why: string;
  /** `warning` where mail goes another way, or to other people, than the original would have it. */
  readonly severity: "note" | "warning";
}

export function foreign(
  names: string,
  why: string = "has no effect in holdfast",
  severity: Foreign["severity"] = "note",
): Foreign[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, why, severity }));
}

export const FOREIGN_CLUSTER: readonly Foreign[] = [
  ...foreign("debug_level enabled log_active_interval log_group log_idle_interval logs subcluster tcp_buffer_size"),
  ...foreign("mbus_daemon", "has no effect: there is no separate message bus; see msgc_server"),
  ...foreign("heartbeat_start_delay", "has no effect: heartbeats begin when the node starts"),
  ...foreign("if_down_limit", "has no effect: an address that cannot be plumbed is handed on at once"),
  ...foreign(
    "unconditional_rebind unconditional_rebinding",
    "has no effect: a message keeps its binding when it moves",
  ),
  ...foreign(
    "view_broadcast_interval",
    "has no effect: tables are compared all the time, and made anew if they differ",
  ),
  ...foreign("heartbeats_per_sec", "has no effect: see heartbeat_interval_ms in msgc_server"),
];

export const FOREIGN_CLUSTER_SCOPES: readonly Foreign[] = foreign("Replicate", "has no effect: nothing is replicated");

export const FOREIGN_MSGC: readonly Foreign[] = [
  ...foreign("debug_level enabled messages_per_iter tcpbuf_size"),
  ...foreign("bind_address", "has no effect: the channel listens on nodeaddr"),
  ...foreign("idle_timeout keepalive_interval", "has no effect: see failure_timeout_ms"),
];

export const FOREIGN_LISTENER: readonly Foreign[] = foreign(`
  Accept_Queue_Backlog Allow_Trailing_Whitespace_In_Commands Banner_Hostname Disable_Nagle_Algorithm
  Events_Per_Iter File_Mode Listen_Backlog Max_Receptions_Per_Connection Max_Recipients_Per_Message Pool_Name
  Prohibited_Hosts Received_Hostname Relay_Domains SMTP_Extensions TCP_Recv_Buffer_Size TCP_Send_Buffer_Size
  TLS_CA TLS_Ciphers TLS_Client_CA TLS_Engine TLS_Protocols TLS_Verify`);

export const FOREIGN_LISTENER_SCOPES: readonly Foreign[] = [
  ...foreign("Peer", "has no effect: see Relay_Hosts", "warning"),
  ...foreign("AuthLoginParameters Authorization Authentication"),
];

/** In a listener that serves the cluster or the console. */
export const FOREIGN_OWN_LISTENER: readonly Foreign[] = [
  ...foreign("Concurrency Enable Timeout"),
  ...foreign(
    "Enable_Duravip Duravip_Preference Duravip_Follow",
    "has no effect: only ESMTP listeners are on VIPs",
    "warning",
  ),
];

/** Delivery settings that the original takes in bindings, groups and domains as well as globally. */
export const FOREIGN_DELIVERY: readonly Foreign[] = [
  ...foreign("Gateway", "has no effect here, only in the global scope and in Domain", "warning"),
  ...foreign("Routes", "has no effect here, only in Domain", "warning"),
  ...foreign("TLS", "has no effect here, only in the global scope and in Domain", "warning"),
  ...foreign(
    "Message_Expiration Retry_Interval Max_Retry_Interval TLS_Certificate TLS_Key",
    "has no effect here, only in the global scope",
  ),
  ...foreign(`
  Adaptive_Backstore_Leveldb Adaptive_Backstore_Riak Adaptive_Enabled Adaptive_Scope Blackhole Body_Timeout
  Bounce_Behavior Bounce_Domains Bounce_Pattern Bounce_Suppress_List Bounces_Inline_Original
  Cluster_Max_Outbound_Connections Cluster_Outbound_Throttle_Connections Cluster_Outbound_Throttle_Messages
  Cluster_Scope_Max_Outbound_Connections Cluster_Server_Max_Outbound_Connections Connect_Timeout
  Connect_Timeout_To_Delay Connection_Allocation_Aggressiveness Delay_DSN_Max_Retry_Interval Delay_DSN_Retry_Interval
  Delayed_Binding_Domain_Fuzz Delivery_Method Delivery_Response_Timeout Disable_Nagle_Algorithm DKIM DomainKeys
  Drop_Body_After_Trans_Fail ECStream_Port ECStream_Timeout EHLO_Timeout Enable_FBL_Header_Insertion
  Expensive_Batch_Assessment Fully_Resolve_Before_SMTP Generate_Bounces Generate_Delay_DSN Host_Failure_Retry
  Idle_Timeout Inbound_Throttle_Messages LMTP_Port Mailfrom_Timeout Max_Deliveries_Per_Connection
  Max_Recipients_Per_Batch Max_Recipients_Per_Connection Max_Resident_Active_Queue Max_Resident_Transfails
  Max_Retries Never_Attempt_Expired_Messages OpenDKIM_Sign Outbound_Throttle_Connections
  Outbound_Throttle_Messages Rcptto_Timeout Remote_SMTP_Port Rset_Timeout
  Scope_Max_Outbound_Connections Server_Max_Outbound_Connections Server_Reserve_Outbound_Connections
  SMTP_Extensions Suppress_Spool TCP_Recv_Buffer_Size TCP_Send_Buffer_Size TLS_CA TLS_Ciphers TLS_Verify`),
];

export const FOREIGN_DELIVERY_SCOPES: readonly Foreign[] = foreign(
  "Domain",
  "has no effect: domains are not told apart by binding",
  "warning",
);

export const FOREIGN_GLOBAL: readonly Foreign[] = [
  ...foreign("use_iflist_cache", "has no effect: the table of local addresses is always kept"),
  ...foreign("binding_auto_replumb binding_auto_replumb_interval", "has no effect: VIPs are always plumbed again"),
  ...foreign("Local_Changes_File Local_Changes_Only", "has no effect: include the file instead"),
  ...foreign(`
  Address_Metrics_Cleanse_Interval Address_Metrics_Lifetime Alias_Schemes Allow_IP_Literal Allow_Null_Envelope_Sender
  Async_Bounce_Rendering Clear_Mail_Queue_Maintainers Control_Client_Timeout Crypto_Engine Debug_Flags Default_Charset
  Delayed_Queue_Scan_Interval Disk_Queue_Drain_Rate DNS_Cache_Purge_Interval DNS_Expire_Interval DNS_Failures_To_Purge
  DNS_Fallback_To_TCP Domain_For_Unqualified_Recipient_Addresses Domain_For_Unqualified_Sender_Address Force_Fsync
  Generate_Bounces_For_Multi_Recipient_Policy_Rejections Growbuf_Size Initial_Hash_Buckets
  Inline_Transfail_Processing Keep_Message_Dicts_In_Memory Large_Message_Threshold Legacy_Message_Threshold License
  Mail_Queue_Check_VM_Interval Mailerdaemon Malloc_2_Mmap_Threshold Masterdb_File Max_Resident_Messages Memory_Goal
  Memory_HWM Min_Free_Space Reconfig_Message Relay_Domains Prohibited_Hosts Server_Max_File_Descriptors Spool_Mode
  TCP_Buffer_Size Timezone`),
];

export const FOREIGN_GLOBAL_SCOPES: readonly Foreign[] = [
  ...foreign("msgcserver_listener", "has no effect: the channel listens on nodeaddr and the port of msgc_server"),
  ...foreign("msgc_client", "has no effect: the group channel is part of the daemon"),
  ...foreign("Security", "has no effect: the service manager grants user and capabilities"),
  ...foreign("Pop3_Listener ECStream_Listener HTTP_Listener XMPP_Listener", "has no effect: there is no such service"),
  ...foreign(`
  Adaptive Authentication Authorization Bounce_Logger chunk_logger custom_logger ds_core ec_logger eccluster
  Event_Loop Host inbound_audit jlog_readers Pathway Pathway_Group Persistent_IO rejectlog scriptlet Sieve
  smtp_auth_proxy SNMP ThreadPool`),
];
