// The part of the WebAssembly JavaScript interface that is used here: TypeScript has its types only among those of browsers (lib.dom).
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    /** Keeps other objects from passing for a module. */
    private readonly isCompiled: true;
  }
  class Instance {
    constructor(module: Module);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}
