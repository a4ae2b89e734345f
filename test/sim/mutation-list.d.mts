export type Mutation = readonly [what: string, file: string, text: string, instead: string, tests?: string];
export declare const MUTATIONS: readonly Mutation[];
