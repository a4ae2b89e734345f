/** An agreed membership, as the group channel delivers it and the ownership core consumes it. */
export interface View {
  /** Rises with each view that this node installs. The same number on every member of this view. */
  readonly seq: number;
  /** First member. */
  readonly leader: string;
  /** Sorted by name, this node included. */
  readonly members: readonly string[];
  /** Members of my last view that came with me, this node included; [self] in a first view. */
  readonly stayed: readonly string[];
  /** No other view can have a quorum at the same time: see quorum.ts. */
  readonly quorate: boolean;
}
