namespace Pedigree.Workflow.Tests;

/// <summary>Specs over the sample family, small enough for a test.</summary>
internal static class Samples
{
    public static string Root { get; } = RootOf(AppContext.BaseDirectory);

    public static string Family { get; } = Path.Combine(Root, "samples", "family");

    public static string Spec(string strategy = "kinship",
        string kinship = "measure: pearson", string stop = "generations: 2, kinship: null", string extra = "") =>
        $$"""
        base: {{Family}}/base
        models:
          reverse: {{Family}}/reverse
          sort: {{Family}}/sort
          shift: {{Family}}/shift
        tasks:
          - { task: {{Family}}/tasks/reverse.yaml, limit: 6 }
          - { task: {{Family}}/tasks/sort.yaml, limit: 6, weight: 2 }
        merge: { method: slerp, parameters: { t: 0.5 } }
        strategy: { name: {{strategy}}, k: 3 }
        kinship: { {{kinship}} }
        stop: { {{stop}} }
        {{extra}}
        """;

    public static SpecFile Write(string path, string text)
    {
        File.WriteAllText(path, text);
        return SpecFile.Load(path);
    }

    private static string RootOf(string folder) =>
        File.Exists(Path.Combine(folder, "Durable.sln")) ? folder
            : RootOf(Path.GetDirectoryName(folder.TrimEnd(Path.DirectorySeparatorChar))!);
}
