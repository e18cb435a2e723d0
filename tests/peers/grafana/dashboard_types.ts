// The types of a dashboard as JSON has it: an enumeration is one of its values.
import type { Dashboard, DataQuery, Panel, RowPanel } from "@grafana/schema";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";

type Plain<T> = T extends string
  ? `${T}`
  : T extends number
    ? T | (`${T}` extends `${infer N extends number}` ? N : never)
    : T extends (infer U)[]
      ? Plain<U>[]
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

// Grafana publishes no type of Prometheus' own queries; these are the fields of one.
type Target = Plain<DataQuery> & {
  datasource: { type: "prometheus"; uid: string };
  expr: string;
  legendFormat: string;
  range: boolean;
  instant?: boolean;
};

type PanelOf<Type extends string, Options, Custom> = Omit<
  Plain<Panel>,
  "type" | "options" | "targets" | "fieldConfig"
> & {
  type: Type;
  options: Plain<Options>;
  targets: Target[];
  fieldConfig: {
    defaults: Omit<Plain<NonNullable<Panel["fieldConfig"]>["defaults"]>, "custom"> & {
      custom?: Plain<Custom>;
    };
    overrides: never[];
  };
};

export type PexscheddDashboard = Omit<Plain<Dashboard>, "panels"> & {
  panels: (
    | PanelOf<"timeseries", Partial<timeseries.Options>, Partial<timeseries.FieldConfig>>
    | PanelOf<"stat", Partial<stat.Options>, object>
    | Plain<RowPanel>
  )[];
};
