/* What the kernel itself takes: adds or removes consecutive IPv4 addresses from 10.1.0.1 on, as aliases or local host
 * routes, by rtnetlink, 64 requests a send, the ACKs of each send awaited. No tags, no texts, no retries, no checks.
 *
 *     plumb add|remove address|route COUNT IFINDEX      prints milliseconds */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 64, kRequestRoom = 128 };

static int adding, as_route, ifindex;

static void put(struct nlmsghdr *message, int type, const void *value, int length) {
  struct rtattr *attribute = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(length);
  memcpy(RTA_DATA(attribute), value, length);
  message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static int write_request(char *at, unsigned sequence) {
  const unsigned address = htonl(0x0a010001u + sequence);
  struct nlmsghdr *message = (struct nlmsghdr *)at;
  memset(at, 0, kRequestRoom);
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (adding ? NLM_F_CREATE | NLM_F_EXCL : 0);
  message->nlmsg_seq = sequence;
  if (as_route) {
    message->nlmsg_type = adding ? RTM_NEWROUTE : RTM_DELROUTE;
    message->nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg));
    *(struct rtmsg *)NLMSG_DATA(message) = (struct rtmsg){.rtm_family = AF_INET,
                                                          .rtm_dst_len = 32,
                                                          .rtm_table = RT_TABLE_LOCAL,
                                                          .rtm_protocol = RTPROT_STATIC,
                                                          .rtm_scope = RT_SCOPE_HOST,
                                                          .rtm_type = RTN_LOCAL};
    put(message, RTA_DST, &address, 4);
    put(message, RTA_OIF, &ifindex, 4);
  } else {
    message->nlmsg_type = adding ? RTM_NEWADDR : RTM_DELADDR;
    message->nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg));
    *(struct ifaddrmsg *)NLMSG_DATA(message) =
        (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = ifindex};
    put(message, IFA_LOCAL, &address, 4);
    put(message, IFA_ADDRESS, &address, 4);
  }
  return NLMSG_ALIGN(message->nlmsg_len);
}

/* Reads ACKs until `count` have come. */
static void await_acks(int fd, int count) {
  static char answer[1 << 16];
  while (count > 0) {
    int left = recv(fd, answer, sizeof answer, 0);
    if (left < 0) { perror("recv"); exit(1); }
    for (struct nlmsghdr *message = (struct nlmsghdr *)answer; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left), count--) {
      const int error = -((struct nlmsgerr *)NLMSG_DATA(message))->error;
      if (error != 0) { fprintf(stderr, "%u: %s\n", message->nlmsg_seq, strerror(error)); exit(1); }
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 64;
  adding = strcmp(argv[1], "add") == 0;
  as_route = strcmp(argv[2], "route") == 0;
  const unsigned count = atoi(argv[3]);
  ifindex = atoi(argv[4]);
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);

  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (unsigned done = 0; done < count;) {
    char batch[kBatch * kRequestRoom];
    int length = 0, requests = 0;
    for (; requests < kBatch && done < count; requests++) length += write_request(batch + length, done++);
    if (send(fd, batch, length, 0) != length) { perror("send"); return 1; }
    await_acks(fd, requests);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.3f\n", (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6);
  close(fd);
}
