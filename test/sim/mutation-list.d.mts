export declare const MUTATIONS: readonly (readonly [what: string, file: string, text: string, instead: string])[];
