import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.transport.Netty4Plugin;

/** One real OpenSearch node on loopback, from the jars of Maven Central; says its address in a file. */
public final class Node extends org.opensearch.node.Node {
    private Node(Settings settings) {
        super(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "tests"),
            List.of(Netty4Plugin.class, CommonAnalysisPlugin.class),
            false);
    }

    /** Arguments: the folder for its data, and the file for its address. */
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]).toAbsolutePath();
        Files.createDirectories(home);
        Settings settings = Settings.builder()
            .put("path.home", home)
            .put("cluster.name", "estiba-tests")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        Node node = new Node(settings);
        node.start();
        var bound = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
        Path file = Path.of(arguments[1]);
        Path fresh = Path.of(arguments[1] + ".new");
        Files.writeString(fresh, "http://127.0.0.1:" + bound.getPort() + "\n");
        Files.move(fresh, file);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        new CountDownLatch(1).await();
    }
}
