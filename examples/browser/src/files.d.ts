/** Files that are imported and are no modules: programs as text (esbuild's loader), style sheets for their effect. */
declare module '*.mdl' {
  const text: string;
  export default text;
}
declare module '*.css' {}
