import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: process.env["NEXUS_SCHEMA"] ?? "../schema/nexus.graphql",
  documents: "src/documents/*.graphql",
  generates: {
    [process.env["NEXUS_GQL"] ?? "./src/gql/"]: {
      preset: "client",
      presetConfig: {
        fragmentMasking: false,
        gqlTagName: "graphql",
        persistedDocuments: { mode: "replaceDocumentWithHash", hashAlgorithm: "sha256" },
      },
      config: {
        documentMode: "string",
        useTypeImports: true,
        enumsAsTypes: true,
        // The server's codes grow with every slice, and a new one is no change of the client.
        enumValues: { ErrorCode: "../outbox/rules#Code" },
        scalars: { Date: "string", DateTime: "string", Decimal: "string", Fen: "number", JSON: "unknown" },
      },
    },
  },
};

export default config;
